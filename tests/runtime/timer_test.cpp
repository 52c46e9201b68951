#include <coil/runtime/timer.hpp>

#include "tests/support/process_counts.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>

#include <coil/runtime/simulation.hpp>
#include <coil/runtime/yield.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

const std::error_code canceled = errc::canceled;
const std::error_code timed_out = errc::timed_out;

task<result<int>> number_after(std::chrono::nanoseconds time, int what)
{
    const result<> slept = co_await sleep_for(time);
    if (!slept)
        co_return slept.error();
    co_return what;
}

task<result<int>> error_at_once()
{
    co_return errc::reset;
}

/// Stops `source` when the loop runs its next posted calls.
void stop_soon(loop& here, stop_source& source)
{
    here.post([&source] { source.request_stop(); });
}

BOOST_AUTO_TEST_SUITE(timer_test)

BOOST_AUTO_TEST_CASE(sleeps_at_least_as_long_as_asked)
{
    loop here;
    const auto body = [&]() -> task<> {
        for (const std::chrono::nanoseconds time : {-1000000ns, 0ns, 1ns, 3000000ns}) {
            const auto before = clock::now();
            const result<> slept = co_await sleep_for(time);
            BOOST_TEST(slept.has_value());
            BOOST_TEST((clock::now() - before >= time));
        }
    };
    here.run(body());
    BOOST_TEST(here.stats().timers == 0U);
}

BOOST_AUTO_TEST_CASE(sleepers_wake_in_the_order_of_their_time)
{
    loop here;
    std::vector<int> order;
    const auto body = [&]() -> task<> {
        scope sleepers;
        const auto now = clock::now();
        const auto sleeper = [&order](clock::time_point until, int name) -> task<> {
            const result<> slept = co_await sleep_until(until);
            slept.value();
            order.push_back(name);
        };
        sleepers.spawn(sleeper(now + 9ms, 3));
        sleepers.spawn(sleeper(now + 3ms, 1));
        sleepers.spawn(sleeper(now + 6ms, 2));
        co_await sleepers.join();
    };
    here.run(body());
    BOOST_TEST(order == (std::vector{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_longest_sleep_is_not_a_short_one)
{
    loop here;
    stop_source source;
    const auto body = [&]() -> task<> {
        co_await internal::use_stop_token(source.token());
        here.post([&] { here.post([&] { stop_soon(here, source); }); });
        const result<> slept = co_await sleep_for(std::chrono::nanoseconds::max());
        BOOST_TEST(slept.error() == canceled);
        const result<> until = co_await sleep_until(clock::time_point::max());
        BOOST_TEST(until.error() == canceled);
    };
    here.run(body());
    const auto forever = [&]() -> task<> {
        const result<int> number = co_await with_timeout(std::chrono::nanoseconds::max(), number_after(1ms, 5));
        BOOST_TEST(number.has_value());
    };
    here.run(forever());
}

BOOST_AUTO_TEST_CASE(a_sleep_is_cancelled_before_it_starts_and_while_it_lasts)
{
    loop here;
    const auto body = [&](stop_source& source) -> task<> {
        co_await internal::use_stop_token(source.token());
        const process_counts before = process_counts::now();
        const result<> slept = co_await sleep_for(1h);
        BOOST_TEST(slept.error() == canceled);
        BOOST_TEST(process_counts::now().back_to(before));
    };
    stop_source early;
    early.request_stop();
    here.run(body(early));
    stop_source late;
    stop_soon(here, late);
    here.run(body(late));
}

BOOST_AUTO_TEST_CASE(a_sleep_that_ended_before_the_stop_is_a_success)
{
    loop here;
    stop_source source;
    const auto body = [&]() -> task<> {
        scope sleepers;
        const auto at = clock::now() + 2ms;
        const auto stopper = [&]() -> task<> {
            const result<> slept = co_await sleep_until(at);
            slept.value();
            source.request_stop();  // the other one is on the ready list by now
        };
        const auto sleeper = [&]() -> task<> {
            co_await internal::use_stop_token(source.token());
            const result<> slept = co_await sleep_until(at);
            BOOST_TEST(slept.has_value());
        };
        sleepers.spawn(stopper());
        sleepers.spawn(sleeper());
        co_await sleepers.join();
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_deadline_gives_what_came_in_time)
{
    loop here;
    const auto body = [&]() -> task<> {
        const result<int> quick = co_await with_timeout(1h, number_after(1ms, 7));
        BOOST_TEST(quick.has_value());
        BOOST_TEST(*quick == 7);
        const result<int> failed = co_await with_timeout(1h, error_at_once());
        BOOST_TEST(failed.error() == make_error_code(errc::reset));
        const result<> slept = co_await with_timeout(1h, sleep_for(1ms));
        BOOST_TEST(slept.has_value());
        BOOST_TEST(here.stats().timers == 0U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_deadline_that_passes_is_timed_out_and_not_canceled)
{
    loop here;
    const auto body = [&]() -> task<> {
        const auto before = clock::now();
        const result<int> slow = co_await with_timeout(5ms, number_after(1h, 7));
        BOOST_TEST(slow.error() == timed_out);
        BOOST_TEST((clock::now() - before >= 5ms));
        const result<> past = co_await with_deadline(before - 1h, sleep_for(1h));
        BOOST_TEST(past.error() == timed_out);
        BOOST_TEST(here.stats().timers == 0U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_stop_from_outside_is_canceled_and_not_timed_out)
{
    loop here;
    stop_source source;
    const auto body = [&]() -> task<> {
        co_await internal::use_stop_token(source.token());
        stop_soon(here, source);
        const result<int> stopped = co_await with_timeout(1h, number_after(1h, 7));
        BOOST_TEST(stopped.error() == canceled);
        const result<int> never = co_await with_timeout(1h, number_after(1h, 7));
        BOOST_TEST(never.error() == canceled);
    };
    here.run(body());
    BOOST_TEST(here.stats().timers == 0U);
}

BOOST_AUTO_TEST_CASE(the_deadline_ends_with_its_operation)
{
    loop here;
    const auto body = [&]() -> task<> {
        const result<int> slow = co_await with_timeout(2ms, number_after(1h, 7));
        BOOST_TEST(slow.error() == timed_out);
        // The token of this coroutine is what it was.
        const result<> slept = co_await sleep_for(1ms);
        BOOST_TEST(slept.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(of_nested_deadlines_the_first_one_counts)
{
    loop here;
    const auto body = [&]() -> task<> {
        task<result<int>> inner_first = with_timeout(2ms, number_after(1h, 1));
        const result<int> inner = co_await with_timeout(1h, std::move(inner_first));
        BOOST_TEST(inner.error() == timed_out);
        task<result<int>> outer_first = with_timeout(1h, number_after(1h, 1));
        const result<int> outer = co_await with_timeout(2ms, std::move(outer_first));
        BOOST_TEST(outer.error() == timed_out);
        const auto at = clock::now() + 2ms;
        task<result<int>> same_time = with_deadline(at, number_after(1h, 1));
        const result<int> same = co_await with_deadline(at, std::move(same_time));
        BOOST_TEST(same.error() == timed_out);
        BOOST_TEST(here.stats().timers == 0U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_success_at_the_moment_of_the_deadline_is_a_success)
{
    loop here;
    const auto body = [&]() -> task<> {
        const auto at = clock::now() + 2ms;
        const result<> slept = co_await with_deadline(at + 1ns, sleep_until(at));
        BOOST_TEST(slept.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_task_that_does_not_stop_is_waited_for)
{
    loop here;
    const auto stubborn = []() -> task<result<int>> {
        const result<> slept = co_await sleep_for(1h);
        BOOST_TEST(slept.error() == canceled);
        co_return 9;
    };
    const auto body = [&]() -> task<> {
        const result<int> all_the_same = co_await with_timeout(1ms, stubborn());
        BOOST_TEST(all_the_same.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(exceptions_pass_through_a_deadline)
{
    loop here;
    const auto throwing = []() -> task<result<int>> {
        const result<> slept = co_await sleep_for(0ns);
        slept.value();
        throw std::runtime_error("through");
    };
    const auto body = [&]() -> task<> {
        const result<int> never = co_await with_timeout(1h, throwing());
        BOOST_TEST(never.has_value());
    };
    BOOST_CHECK_THROW(here.run(body()), std::runtime_error);
    BOOST_TEST(here.stats().timers == 0U);
}

BOOST_AUTO_TEST_CASE(destroying_a_wait_clears_its_timers)
{
    loop here;
    const auto waiting = []() -> task<> {
        const result<int> never = co_await with_timeout(1h, number_after(2h, 1));
        BOOST_TEST(!never.has_value());
    };
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        std::optional<scope> sleepers;
        sleepers.emplace();
        for (int i = 0; i < 50; ++i)
            sleepers->spawn(waiting());
        const result<> slept = co_await sleep_for(1ms);
        slept.value();
        BOOST_TEST(here.stats().timers == 100U);
        sleepers.reset();
        BOOST_TEST(process_counts::now().back_to(before));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(what_lies_beyond_all_time_is_due_at_once_or_never, *boost::unit_test::label("F-51"))
{
    loop here;
    const auto body = []() -> task<> {
        co_await this_task::yield();
        for (const clock::time_point past : {clock::time_point::min(), clock::time_point(), clock::time_point(-1ns)}) {
            const result<> slept = co_await sleep_until(past);
            BOOST_TEST(slept.has_value());
        }
        const result<> least = co_await sleep_for(std::chrono::nanoseconds::min());
        BOOST_TEST(least.has_value());
        const result<> hours = co_await sleep_for(std::chrono::hours::min());
        BOOST_TEST(hours.has_value());
        const result<> late = co_await with_timeout(std::chrono::nanoseconds::min(), sleep_for(1h));
        BOOST_TEST(late.error() == timed_out);
        const result<> too_late = co_await with_deadline(clock::time_point::min(), sleep_for(1h));
        BOOST_TEST(too_late.error() == timed_out);
        const result<> in_time = co_await with_timeout(std::chrono::seconds::max(), sleep_for(1ms));
        BOOST_TEST(in_time.has_value());
        for (const clock::time_point never : {clock::time_point::max(), clock::time_point::max() - 1ns}) {
            const result<> ever = co_await with_timeout(2ms, sleep_until(never));
            BOOST_TEST(ever.error() == timed_out);
        }
        const result<> days = co_await with_timeout(2ms, sleep_for(std::chrono::days::max()));
        BOOST_TEST(days.error() == timed_out);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(what_lies_beyond_all_time_is_right_in_a_simulation_too, *boost::unit_test::label("F-51"))
{
    simulation world;
    const auto body = []() -> task<> {
        const result<> past = co_await sleep_until(clock::time_point::min());
        BOOST_TEST(past.has_value());
        const result<> in_time = co_await with_timeout(std::chrono::hours::max(), sleep_for(1h));
        BOOST_TEST(in_time.has_value());
    };
    world.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
