#include <coil/runtime/scope.hpp>

#include "tests/support/child_end.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

const std::error_code canceled = errc::canceled;

task<> wait_for(std::chrono::nanoseconds time)
{
    const result<> slept = co_await sleep_for(time);
    static_cast<void>(slept);
}

task<> fail_after(std::chrono::nanoseconds time, std::string message)
{
    const result<> slept = co_await sleep_for(time);
    static_cast<void>(slept);
    throw std::runtime_error(message);
}

/// What `join` of `children` threw.
task<std::string> failure_of(scope& children)
{
    std::string caught = "nothing";
    try {
        co_await children.join();
    } catch (const std::runtime_error& error) {
        caught = error.what();
    }
    co_return caught;
}

BOOST_AUTO_TEST_SUITE(scope_test)

BOOST_AUTO_TEST_CASE(joining_waits_for_every_task)
{
    loop here;
    int finished = 0;
    const auto body = [&]() -> task<> {
        scope children;
        const auto child = [&finished](std::chrono::nanoseconds time) -> task<> {
            co_await wait_for(time);
            ++finished;
        };
        for (int i = 0; i < 100; ++i)
            children.spawn(child(i % 5 * 1ms));
        BOOST_TEST(children.size() == 100U);
        BOOST_TEST(finished == 0);
        co_await children.join();
        BOOST_TEST(finished == 100);
        BOOST_TEST(children.size() == 0U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_empty_scope_is_joined_at_once_and_may_be_used_again)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope children;
        co_await children.join();
        for (int round = 0; round < 3; ++round) {
            bool ran = false;
            children.spawn([&ran]() -> task<> {
                ran = true;
                co_return;
            });
            co_await children.join();
            BOOST_TEST(ran);
        }
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_spawned_callable_lives_as_long_as_its_coroutine)
{
    loop here;
    const auto body = [&]() -> task<> {
        auto held = std::make_shared<int>(5);
        const std::weak_ptr<int> watch = held;
        scope children;
        {
            std::string text(100, 'x');
            children.spawn([held = std::move(held), text, only = std::make_unique<int>(3)]() -> task<> {
                co_await wait_for(2ms);
                BOOST_TEST(*held == 5);
                BOOST_TEST(text == std::string(100, 'x'));
                BOOST_TEST(*only == 3);
            });
        }
        BOOST_TEST(!watch.expired());
        co_await children.join();
        BOOST_TEST(watch.expired());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(the_first_failure_stops_the_others_and_is_thrown_by_join)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope children;
        int stopped = 0;
        const auto sleeper = [&stopped]() -> task<> {
            const result<> slept = co_await sleep_for(1h);
            stopped += slept.error() == canceled;
        };
        children.spawn(sleeper());
        children.spawn(fail_after(2ms, "first"));
        children.spawn(sleeper());
        children.spawn(fail_after(1h, "second"));
        const std::string caught = co_await failure_of(children);
        BOOST_TEST(caught == "first");
        BOOST_TEST(stopped == 2);
        BOOST_TEST(children.stop_token().stop_requested());
        const std::string again = co_await failure_of(children);
        BOOST_TEST(again == "nothing");
    };
    here.run(body());
    BOOST_TEST(here.stats().timers == 0U);
}

BOOST_AUTO_TEST_CASE(a_failure_before_the_join_is_kept_for_it)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope children;
        children.spawn(fail_after(0ns, "early"));
        co_await wait_for(3ms);
        BOOST_TEST(children.size() == 0U);
        const std::string caught = co_await failure_of(children);
        BOOST_TEST(caught == "early");
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_callable_that_throws_before_it_makes_a_task_fails_like_its_task)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope children;
        children.spawn([]() -> task<> { throw std::runtime_error("no task"); });
        const std::string caught = co_await failure_of(children);
        BOOST_TEST(caught == "no task");
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_stop_reaches_running_and_later_tasks)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope children;
        int stopped = 0;
        const auto sleeper = [&stopped]() -> task<> {
            const result<> slept = co_await sleep_for(1h);
            stopped += slept.error() == canceled;
        };
        children.spawn(sleeper());
        co_await wait_for(1ms);
        children.request_stop();
        children.spawn(sleeper());
        co_await children.join();
        BOOST_TEST(stopped == 2);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(stopping_who_joins_stops_the_tasks_and_waits_for_them)
{
    loop here;
    stop_source source;
    bool cleaned_up = false;
    const auto inner = [&]() -> task<> {
        scope children;
        children.spawn([&cleaned_up]() -> task<> {
            const result<> slept = co_await sleep_for(1h);
            BOOST_TEST(slept.error() == canceled);
            co_await internal::use_stop_token(stop_token());
            co_await wait_for(2ms);
            cleaned_up = true;
        });
        co_await children.join();
        BOOST_TEST(cleaned_up);
    };
    const auto body = [&]() -> task<> {
        co_await internal::use_stop_token(source.token());
        here.post([&] { source.request_stop(); });
        co_await inner();
        co_await inner();  // a stop before the join
    };
    here.run(body());
    BOOST_TEST(cleaned_up);
}

BOOST_AUTO_TEST_CASE(scopes_nest)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope outer;
        int stopped = 0;
        const auto branch = [&outer, &stopped]() -> task<> {
            scope inner(outer.stop_token());
            for (int i = 0; i < 3; ++i)
                inner.spawn([&stopped]() -> task<> {
                    const result<> slept = co_await sleep_for(1h);
                    stopped += slept.error() == canceled;
                });
            co_await inner.join();
        };
        outer.spawn(branch());
        outer.spawn(branch());
        outer.spawn(fail_after(1ms, "outer"));
        const std::string caught = co_await failure_of(outer);
        BOOST_TEST(caught == "outer");
        BOOST_TEST(stopped == 6);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(destroying_a_scope_destroys_tasks_that_wait_and_tasks_that_have_not_started)
{
    loop here;
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        const auto alive = std::make_shared<int>(0);
        std::optional<scope> children;
        children.emplace();
        const auto child = [](std::shared_ptr<int> held) -> task<> {
            scope inner;
            inner.spawn([held]() -> task<> { co_await wait_for(1h); });
            inner.spawn(wait_for(1h));
            co_await inner.join();
        };
        for (int i = 0; i < 10; ++i)
            children->spawn(child(alive));
        co_await wait_for(1ms);
        BOOST_TEST(here.stats().timers == 20U);
        for (int i = 0; i < 10; ++i)
            children->spawn(child(alive));
        children.reset();
        BOOST_TEST(alive.use_count() == 1);
        BOOST_TEST(process_counts::now().back_to(before));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_task_may_spawn_into_its_own_scope)
{
    loop here;
    int ran = 0;
    const auto body = [&]() -> task<> {
        scope children;
        const auto spawning = [&](int depth, auto& self) -> task<> {
            ++ran;
            if (depth > 0) {
                children.spawn(self(depth - 1, self));
                children.spawn(self(depth - 1, self));
            }
            co_return;
        };
        children.spawn(spawning(6, spawning));
        co_await children.join();
    };
    here.run(body());
    BOOST_TEST(ran == 127);
}

BOOST_AUTO_TEST_CASE(destroying_who_joins_leaves_the_tasks_alone)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope children;
        bool finished = false;
        children.spawn([&finished]() -> task<> {
            co_await wait_for(3ms);
            finished = true;
        });
        {
            scope joiner;
            joiner.spawn([&children]() -> task<> { co_await children.join(); });
            co_await wait_for(1ms);
        }
        BOOST_TEST(!finished);
        co_await children.join();
        BOOST_TEST(finished);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(who_joins_a_scope_that_is_destroyed_goes_on)
{
    loop here;
    const auto body = [&]() -> task<> {
        std::optional<scope> children;
        children.emplace();
        children->spawn(wait_for(1h));
        bool joined = false;
        scope joiner;
        joiner.spawn([&]() -> task<> {
            co_await children->join();
            joined = true;
        });
        co_await wait_for(1ms);
        children.reset();
        co_await joiner.join();
        BOOST_TEST(joined);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_tasks_come_and_go)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope children;
        long ran = 0;
        for (int i = 0; i < 100'000; ++i)
            children.spawn([&ran]() -> task<> {
                ++ran;
                co_return;
            });
        co_await children.join();
        BOOST_TEST(ran == 100'000);
    };
    here.run(body());
}

task<> leave_a_scope_that_failed()
{
    scope left;
    left.spawn([]() -> task<> {
        co_await this_task::yield();
        throw std::runtime_error("nobody joined");
    });
    while (left.size() > 0)
        co_await this_task::yield();
}

BOOST_AUTO_TEST_CASE(a_failure_that_nobody_joined_is_told, *boost::unit_test::label("F-41"))
{
    const child_end end = end_of_child([] {
        loop here;
        here.run(leave_a_scope_that_failed());
    });
    BOOST_TEST(end.signal == 0);
    BOOST_TEST(end.message == "coil: an exception left a task of a scope that was not joined: nobody joined\n");
    loop here;
    std::vector<std::string> told;
    here.on_uncaught([&](const std::exception_ptr& what) {
        try {
            std::rethrow_exception(what);
        } catch (const std::exception& error) {
            told.push_back(error.what());
        }
    });
    here.run(leave_a_scope_that_failed());
    BOOST_TEST(told == std::vector<std::string>{"nobody joined"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_task_that_destroys_its_scope_is_stopped_with_a_message,
                     *boost::unit_test::label("F-31") * boost::unit_test::enable_if<internal::checks_misuse>())
{
    BOOST_TEST(stops_with("a scope is destroyed by a task of its own", [] {
        loop here;
        const auto body = []() -> task<> {
            std::optional<scope> own(std::in_place);
            own->spawn([&own]() -> task<> {
                const auto pause = []() -> task<> { co_await this_task::yield(); };
                co_await pause();
                const result<> slept = co_await sleep_for(std::chrono::milliseconds(1));
                slept.value();
                own.reset();
            });
            co_await own->join();
        };
        here.run(body());
    }));
}

BOOST_AUTO_TEST_CASE(tasks_may_destroy_the_scopes_of_others_and_those_below_them, *boost::unit_test::label("F-31"))
{
    loop here;
    const auto body = []() -> task<> {
        std::optional<scope> other(std::in_place);
        other->spawn([]() -> task<> { static_cast<void>(co_await sleep_for(std::chrono::hours(1))); });
        scope own;
        own.spawn([&other]() -> task<> {
            scope below;
            below.spawn([]() -> task<> { static_cast<void>(co_await sleep_for(std::chrono::hours(1))); });
            co_await this_task::yield();
            other.reset();
        });
        co_await own.join();
        BOOST_TEST(!other.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
