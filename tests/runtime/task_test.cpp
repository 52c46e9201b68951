#include <coil/runtime/task.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace coil;
using namespace std::chrono_literals;

task<int> number(int what)
{
    co_return what;
}

task<int> number_later(int what)
{
    const result<> slept = co_await sleep_for(0ns);
    slept.value();
    co_return what;
}

task<> fail(const char* message)
{
    throw std::runtime_error(message);
    co_return;
}

task<> fail_later(const char* message)
{
    const result<> slept = co_await sleep_for(0ns);
    slept.value();
    throw std::runtime_error(message);
}

task<int> nested(int depth, bool wait)
{
    if (depth == 0 && !wait)
        co_return 1;
    if (depth == 0) {
        const int waited = co_await number_later(1);
        co_return waited;
    }
    const int below = co_await nested(depth - 1, wait);
    co_return below + 1;
}

struct counted {
    explicit counted(int& alive) : count(&alive) { ++*count; }
    counted(const counted& other) : count(other.count) { ++*count; }
    counted& operator=(const counted&) = delete;
    ~counted() { --*count; }
    int* count;
};

BOOST_AUTO_TEST_SUITE(task_test)

BOOST_AUTO_TEST_CASE(gives_its_value)
{
    loop here;
    BOOST_TEST(here.run(number(42)) == 42);
    BOOST_TEST(here.run(number_later(43)) == 43);
}

BOOST_AUTO_TEST_CASE(does_not_start_before_it_is_awaited)
{
    loop here;
    bool started = false;
    const auto child = [&]() -> task<> {
        started = true;
        co_return;
    };
    const auto body = [&]() -> task<> {
        task<> waiting = child();
        BOOST_TEST(!started);
        co_await waiting;
        BOOST_TEST(started);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_task_that_is_never_awaited_frees_its_parameters)
{
    int alive = 0;
    {
        const auto hold = [](counted) -> task<> { co_return; };
        const task<> unused = hold(counted(alive));
        BOOST_TEST(alive == 1);
    }
    BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(values_that_only_move_are_moved)
{
    loop here;
    const auto make = []() -> task<std::unique_ptr<std::string>> { co_return std::make_unique<std::string>("moved"); };
    const auto body = [&]() -> task<> {
        const std::unique_ptr<std::string> made = co_await make();
        BOOST_TEST(*made == "moved");
    };
    here.run(body());
    BOOST_TEST(*here.run(make()) == "moved");
}

BOOST_AUTO_TEST_CASE(values_need_no_default)
{
    loop here;
    int alive = 0;
    {
        const auto make = [&]() -> task<counted> { co_return counted(alive); };
        const counted made = here.run(make());
        BOOST_TEST(alive == 1);
    }
    BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(throws_its_exception_to_who_awaits)
{
    loop here;
    const auto body = [&]() -> task<> {
        std::string caught;
        try {
            co_await fail("at once");
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
        BOOST_TEST(caught == "at once");
        try {
            co_await fail_later("later");
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
        BOOST_TEST(caught == "later");
    };
    here.run(body());
    BOOST_CHECK_THROW(here.run(fail("out of run")), std::runtime_error);
    BOOST_CHECK_THROW(here.run(fail_later("out of run")), std::runtime_error);
    BOOST_TEST(here.run(number(1)) == 1);
}

BOOST_AUTO_TEST_CASE(a_million_children_that_finish_at_once_need_no_stack)
{
    loop here;
    const auto body = []() -> task<long> {
        long sum = 0;
        for (int i = 0; i < 1'000'000; ++i) {
            const int one = co_await number(1);
            sum += one;
        }
        co_return sum;
    };
    BOOST_TEST(here.run(body()) == 1'000'000);
}

BOOST_AUTO_TEST_CASE(many_children_that_wait_need_no_stack)
{
    loop here;
    const auto body = []() -> task<long> {
        long sum = 0;
        for (int i = 0; i < 20'000; ++i) {
            const int one = co_await number_later(1);
            sum += one;
            const int two = co_await number(1);
            sum += two;
        }
        co_return sum;
    };
    BOOST_TEST(here.run(body()) == 40'000);
}

BOOST_AUTO_TEST_CASE(nests_deeply)
{
    loop here;
    BOOST_TEST(here.run(nested(2000, false)) == 2001);
    BOOST_TEST(here.run(nested(2000, true)) == 2001);
}

BOOST_AUTO_TEST_CASE(locals_go_before_the_awaiting_coroutine_continues_or_with_the_task)
{
    loop here;
    int alive = 0;
    const auto child = [&]() -> task<> {
        const counted local(alive);
        const result<> slept = co_await sleep_for(0ns);
        slept.value();
    };
    const auto body = [&]() -> task<> {
        co_await child();
        BOOST_TEST(alive == 0);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(destroying_a_task_that_waits_destroys_everything_it_waits_for)
{
    loop here;
    int alive = 0;
    const auto child = [&]() -> task<> {
        const counted local(alive);
        const result<> slept = co_await sleep_for(1h);
        BOOST_TEST(!slept.has_value());
    };
    const auto parent = [&]() -> task<> {
        const counted local(alive);
        co_await child();
    };
    const auto body = [&]() -> task<> {
        std::optional<task<>> waiting(parent());
        // Starts it by hand, as an awaiting coroutine does, and lets it wait.
        auto awaiter = waiting->operator co_await();
        BOOST_TEST(awaiter.await_suspend(std::noop_coroutine()));
        BOOST_TEST(alive == 2);
        BOOST_TEST(here.stats().timers == 1U);
        waiting.reset();
        BOOST_TEST(alive == 0);
        BOOST_TEST(here.stats().timers == 0U);
        co_return;
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(assigning_destroys_the_old_task)
{
    int alive = 0;
    const auto hold = [](counted) -> task<> { co_return; };
    task<> first = hold(counted(alive));
    task<> second = hold(counted(alive));
    BOOST_TEST(alive == 2);
    first = std::move(second);
    BOOST_TEST(alive == 1);
    task<>& same = first;
    first = std::move(same);
    BOOST_TEST(alive == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
