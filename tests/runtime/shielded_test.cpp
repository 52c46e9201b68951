#include <coil/runtime/shielded.hpp>

#include "tests/support/awaitable_conformance.hpp"

#include <coil/runtime/event.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/offload.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/with_stop.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

/// A stop does not end it, but is there when it has come to its end by itself.
struct shielded_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = true;

    task<result<>> wait()
    {
        const result<> slept = co_await shielded(sleep_for(30ms));
        slept.value();
        const stop_token stop = co_await this_task::stop_token();
        if (stop.stop_requested())
            co_return errc::canceled;
        co_return result<>();
    }
    void complete() {}
    void check_unused() {}
};

task<> pause()
{
    for (int pass = 0; pass < 4; ++pass)
        co_await this_task::yield();
}

BOOST_AUTO_TEST_SUITE(shielded_test)

BOOST_AUTO_TEST_CASE(shielding_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<shielded_case>::check("shielded");
}

BOOST_AUTO_TEST_CASE(what_is_shielded_ends_with_success_although_its_caller_is_stopped,
                     *boost::unit_test::label("stop model"))
{
    loop here;
    const auto body = []() -> task<> {
        event first;
        event second;
        scope all;
        std::string order;
        all.spawn([&]() -> task<> {
            const result<> got = co_await shielded(first.wait());
            BOOST_TEST(got.has_value());
            order += "first ";
            const result<> again = co_await shielded(second.wait());  // it was stopped before
            BOOST_TEST(again.has_value());
            order += "second ";
            const result<> stopped = co_await second.wait();
            order += stopped.error() == errc::canceled ? "stopped" : "not stopped";
        });
        co_await pause();
        all.request_stop();
        co_await pause();
        BOOST_TEST(order == "");
        first.set();
        co_await pause();
        BOOST_TEST(order == "first ");
        second.set();
        co_await all.join();
        BOOST_TEST(order == "first second stopped");
    };
    here.run(body());
}

task<int> add_later(event& when, int left, int right)
{
    const result<> got = co_await when.wait();
    got.value();
    co_return left + right;
}

task<> fail_later(event& when)
{
    const result<> got = co_await when.wait();
    got.value();
    throw std::runtime_error("failed");
}

BOOST_AUTO_TEST_CASE(tasks_and_calls_on_other_threads_can_be_shielded_and_give_what_they_give)
{
    loop here;
    const auto body = []() -> task<> {
        event now;
        scope all;
        int sum = 0;
        std::string failure;
        std::unique_ptr<int> from_thread;
        all.spawn([&]() -> task<> { sum = co_await shielded(add_later(now, 2, 3)); });
        all.spawn([&]() -> task<> {
            try {
                co_await shielded(fail_later(now));
            } catch (const std::runtime_error& error) {
                failure = error.what();
            }
        });
        all.spawn([&]() -> task<> {
            const auto make = [] { return std::make_unique<int>(5); };
            result<std::unique_ptr<int>> made = co_await shielded(offload(make));
            from_thread = std::move(*made);
        });
        all.request_stop();
        co_await pause();
        now.set();
        co_await all.join();
        BOOST_TEST(sum == 5);
        BOOST_TEST(failure == "failed");
        BOOST_TEST(*from_thread == 5);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_timeout_inside_still_bounds_it_and_a_token_inside_still_stops_it)
{
    loop here;
    const auto body = []() -> task<> {
        event never;
        stop_source own;
        scope all;
        std::optional<std::error_code> timed;
        std::optional<std::error_code> stopped;
        all.spawn([&]() -> task<> {
            const result<> got = co_await shielded(with_timeout(2ms, never.wait()));
            timed = got.error();
        });
        all.spawn([&]() -> task<> {
            const result<> got = co_await shielded(with_stop(own.token(), never.wait()));
            stopped = got.error();
        });
        co_await pause();
        all.request_stop();
        co_await pause();
        BOOST_TEST(!stopped.has_value());
        own.request_stop();
        co_await all.join();
        BOOST_TEST((timed == make_error_code(errc::timed_out)));
        BOOST_TEST((stopped == make_error_code(errc::canceled)));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(destroying_the_frame_ends_it_all_the_same)
{
    loop here;
    const auto body = []() -> task<> {
        event never;
        bool went_on = false;
        {
            scope all;
            all.spawn([&]() -> task<> {
                const result<> got = co_await shielded(never.wait());
                went_on = got.has_value();
            });
            co_await pause();
        }
        never.set();
        co_await pause();
        BOOST_TEST(!went_on);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
