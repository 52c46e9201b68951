#include <coil/runtime/fiber.hpp>

#include "tests/support/awaitable_conformance.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/runtime/event.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/when.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
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

/// Where the stack is that the caller runs on.
__attribute__((noinline)) std::intptr_t stack_address()
{
    return reinterpret_cast<std::intptr_t>(__builtin_frame_address(0));
}

task<int> twice(int number)
{
    const result<> slept = co_await sleep_for(1ms);
    co_return slept ? 2 * number : -1;
}

task<> fail_later(std::string message)
{
    const result<> slept = co_await sleep_for(1ms);
    static_cast<void>(slept);
    throw std::runtime_error(message);
}

BOOST_AUTO_TEST_SUITE(fiber_test)

BOOST_AUTO_TEST_CASE(a_call_gives_the_value_of_its_function)
{
    loop here;
    const auto body = []() -> task<> {
        const int at_once = co_await fiber::call([] { return 7; });
        BOOST_TEST(at_once == 7);
        const int later = co_await fiber::call([] { return fiber::await(twice(4)) + fiber::await(twice(5)); });
        BOOST_TEST(later == 18);
        const std::unique_ptr<int> moved = co_await fiber::call([] {
            const result<> slept = fiber::await(sleep_for(1ms));
            return std::make_unique<int>(slept ? 3 : 4);
        });
        BOOST_TEST(*moved == 3);
        int number = 0;
        int& same = co_await fiber::call([&number]() -> int& { return number; });
        BOOST_TEST(&same == &number);
        co_await fiber::call([&number] { ++number; });
        BOOST_TEST(number == 1);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_function_runs_at_once_and_what_does_not_wait_does_not_suspend)
{
    loop here;
    const auto body = []() -> task<> {
        const std::uint64_t turns = loop::current().stats().turns;
        const auto ready = []() -> task<int> { co_return 1; };
        const int sum = co_await fiber::call([&ready] {
            int total = 0;
            for (int i = 0; i < 100'000; ++i)
                total += fiber::await(ready());
            return total;
        });
        BOOST_TEST(sum == 100'000);
        BOOST_TEST(loop::current().stats().turns == turns);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_callable_that_owns_something_is_awaited_by_name)
{
    loop here;
    const auto body = []() -> task<> {
        const std::string text = "a text that is too long for the string itself";
        const auto owning = [text] { return text; };
        BOOST_TEST(!internal::awaited_as_rvalue<decltype(fiber::call(owning))>);
        BOOST_TEST(internal::awaited_as_rvalue<decltype(fiber::call([&text] { return text; }))>);
        auto call = fiber::call([text] {
            const int number = fiber::await(twice(1));
            return text + std::to_string(number);
        });
        const std::string got = co_await call;
        BOOST_TEST(got == text + "2");
        std::function<int()> function = [text] { return static_cast<int>(text.size()); };
        auto second = fiber::call(function);
        const int size = co_await second;
        BOOST_TEST(size == static_cast<int>(text.size()));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(exceptions_reach_who_awaits)
{
    loop here;
    const auto body = []() -> task<> {
        std::vector<std::string> caught;
        const auto note = [&caught](bool wait) -> task<> {
            try {
                co_await fiber::call([&wait] {
                    if (wait)
                        static_cast<void>(fiber::await(sleep_for(1ms)).has_value());
                    throw std::runtime_error(wait ? "later" : "at once");
                });
            } catch (const std::runtime_error& error) {
                caught.push_back(error.what());
            }
        };
        co_await note(false);
        co_await note(true);
        const std::string inside = co_await fiber::call([] {
            try {
                fiber::await(fail_later("of the task"));
            } catch (const std::runtime_error& error) {
                return std::string(error.what());
            }
            return std::string();
        });
        caught.push_back(inside);
        BOOST_TEST(caught == (std::vector<std::string>{"at once", "later", "of the task"}),
                   boost::test_tools::per_element());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(fibers_nest_and_coroutines_stay_on_the_stack_of_the_thread)
{
    loop here;
    const auto body = []() -> task<> {
        BOOST_TEST(!fiber::active());
        const auto inner = []() -> task<int> {
            BOOST_TEST(!fiber::active());
            const int doubled = co_await fiber::call([] {
                BOOST_TEST(fiber::active());
                return fiber::await(fiber::call([] { return fiber::await(twice(10)); })) + 1;
            });
            BOOST_TEST(!fiber::active());
            co_return doubled;
        };
        const auto address_in_task = []() -> task<std::intptr_t> {
            const result<> slept = co_await sleep_for(1ms);
            static_cast<void>(slept);
            co_return stack_address();
        };
        const auto far = [](std::intptr_t one, std::intptr_t other) { return std::abs(one - other) > 1024 * 1024; };
        const std::intptr_t of_thread = stack_address();
        const int value = co_await fiber::call([&] {
            BOOST_TEST(far(stack_address(), of_thread));
            const std::intptr_t of_task = fiber::await(address_in_task());
            BOOST_TEST(!far(of_task, of_thread));
            return fiber::await(inner());
        });
        BOOST_TEST(value == 21);
        BOOST_TEST(!fiber::active());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(many_fibers_wait_side_by_side)
{
    loop here;
    const auto body = []() -> task<> {
        constexpr int count = 1000;
        event go;
        scope children;
        int sum = 0;
        const auto child = [&]() -> task<> {
            sum += co_await fiber::call([&] {
                static_cast<void>(fiber::await(go.wait()).has_value());
                return fiber::await(twice(1));
            });
        };
        for (int i = 0; i < count; ++i)
            children.spawn(child());
        co_await this_task::yield();
        co_await this_task::yield();
        BOOST_TEST(fiber::stats().suspended == std::size_t{count});
        BOOST_TEST(fiber::stats().stacks_in_use == std::size_t{count});
        go.set();
        co_await children.join();
        BOOST_TEST(sum == 2 * count);
        const fiber_stats after = fiber::stats();
        BOOST_TEST(after.suspended == 0U);
        BOOST_TEST(after.stacks_in_use == 0U);
        BOOST_TEST(after.stacks_free == std::size_t{count});
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_stop_ends_what_a_fiber_waits_for)
{
    loop here;
    const auto body = []() -> task<> {
        const auto sleep_twice = []() -> task<result<>> {
            const result<> outcome = co_await fiber::call([]() -> result<> {
                const bool stoppable = fiber::await(this_task::stop_token()).stop_possible();
                BOOST_TEST(stoppable);
                const result<> first = fiber::await(sleep_for(1h));
                BOOST_TEST(first.error() == canceled);
                return fiber::await(sleep_for(1h));  // fails at once
            });
            co_return outcome;
        };
        auto sleeping = with_timeout(2ms, sleep_twice());
        const result<> outcome = co_await sleeping;
        BOOST_TEST(outcome.error() == std::error_code(errc::timed_out));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_function_is_called_even_after_a_stop_and_its_first_wait_fails)
{
    loop here;
    const auto body = []() -> task<> {
        scope children;
        std::optional<std::error_code> got;
        const auto child = [&got]() -> task<> {
            got = co_await fiber::call([] { return fiber::await(sleep_for(1h)).error(); });
        };
        children.spawn(child());
        children.request_stop();
        co_await children.join();
        BOOST_REQUIRE(got.has_value());
        BOOST_TEST(*got == canceled);
    };
    here.run(body());
}

/// A wait for an event, made in a fiber.
struct fiber_case {
    static constexpr bool at_once = false;

    task<result<>> wait()
    {
        const result<> got = co_await fiber::call([this] { return fiber::await(done.wait()); });
        co_return got;
    }
    void complete() { done.set(); }
    void check_unused() { BOOST_TEST(done.is_set()); }

    event done;
};

BOOST_AUTO_TEST_CASE(waits_in_fibers_keep_to_what_all_awaitables_do)
{
    awaitable_conformance<fiber_case>::check("fiber::call");
}

/// How the waits of a fiber ended whose awaiting frame is gone.
struct unwinding {
    std::vector<std::string> log;

    void run()
    {
        struct at_end {
            std::vector<std::string>& log;
            ~at_end() { log.push_back("unwound"); }
        } guard{log};
        const auto report = []() -> task<> { co_await this_task::yield(); };
        const result<> slept = fiber::await(sleep_for(1h));
        log.push_back(slept.error() == canceled ? "canceled" : "slept");
        const result<int> never = fiber::await(never_started());
        log.push_back(never.error() == canceled ? "canceled" : "started");
        try {
            fiber::await(report());
        } catch (const fiber::canceled& error) {
            log.push_back(error.code() == canceled ? "thrown" : "wrong code");
        }
        static_cast<void>(fiber::await(twice(1)));  // throws
        log.push_back("not reached");
    }

    task<result<int>> never_started()
    {
        log.push_back("started");
        co_return 1;
    }

    void check() const
    {
        BOOST_TEST(log == (std::vector<std::string>{"canceled", "canceled", "thrown", "unwound"}),
                   boost::test_tools::per_element());
    }
};

BOOST_AUTO_TEST_CASE(a_fiber_unwinds_when_the_awaiting_frame_is_destroyed)
{
    loop here;
    const auto body = []() -> task<> {
        const process_counts before = process_counts::now();
        unwinding how;
        {
            scope children;
            const auto child = [&how]() -> task<> { co_await fiber::call([&how] { how.run(); }); };
            children.spawn(child());
            co_await this_task::yield();
            co_await this_task::yield();
            BOOST_TEST(how.log.empty());
            BOOST_TEST(fiber::stats().suspended == 1U);
        }
        how.check();
        BOOST_TEST(fiber::stats().suspended == 0U);
        BOOST_TEST(fiber::stats().stacks_in_use == 0U);
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(nested_fibers_unwind_from_the_inside)
{
    loop here;
    const auto body = []() -> task<> {
        unwinding inner;
        std::vector<std::string> outer;
        {
            scope children;
            const auto middle = [&inner]() -> task<> { co_await fiber::call([&inner] { inner.run(); }); };
            const auto child = [&]() -> task<> {
                co_await fiber::call([&] {
                    task<> named = middle();  // destroyed on this fiber's stack, with the fiber that it awaits
                    try {
                        fiber::await(named);
                    } catch (const fiber::canceled&) {
                        outer.push_back(inner.log.empty() ? "first" : "last");
                    }
                });
            };
            children.spawn(child());
            co_await this_task::yield();
            co_await this_task::yield();
        }
        inner.check();
        BOOST_TEST(outer == std::vector<std::string>{"first"}, boost::test_tools::per_element());
        BOOST_TEST(fiber::stats().stacks_in_use == 0U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_fiber_unwinds_when_the_loop_is_destroyed)
{
    unwinding how;
    std::optional<scope> children;
    {
        loop here;
        children.emplace();
        const auto child = [&how]() -> task<> { co_await fiber::call([&how] { how.run(); }); };
        const auto body = [&]() -> task<> {
            children->spawn(child());
            co_await this_task::yield();
            co_await this_task::yield();
        };
        here.run(body());
        BOOST_TEST(fiber::stats().suspended == 1U);
        BOOST_TEST(how.log.empty());
    }
    how.check();
    BOOST_TEST(fiber::stats().stacks_in_use == 0U);
    children.reset();  // the awaiting frame; its fiber has ended
    how.check();
}

BOOST_AUTO_TEST_CASE(what_a_fiber_awaits_ends_on_the_stack_of_the_thread)
{
    struct at_end {
        bool* in_fiber;
        ~at_end() { *in_fiber = fiber::active(); }
    };
    loop here;
    const auto body = []() -> task<> {
        bool after_value = true;
        bool when_dropped = true;
        const auto wait = [](bool* in_fiber, std::chrono::nanoseconds time) -> task<> {
            const at_end guard{in_fiber};
            const result<> slept = co_await sleep_for(time);
            static_cast<void>(slept);
        };
        co_await fiber::call([&] { fiber::await(wait(&after_value, 1ms)); });
        BOOST_TEST(!after_value);
        {
            scope children;
            const auto child = [&]() -> task<> {
                co_await fiber::call([&] { fiber::await(wait(&when_dropped, 1h)); });
            };
            children.spawn(child());
            co_await this_task::yield();
            co_await this_task::yield();
        }
        BOOST_TEST(!when_dropped);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
