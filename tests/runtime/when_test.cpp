#include <coil/runtime/when.hpp>

#include "tests/support/awaitable_conformance.hpp"

#include <coil/runtime/channel.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

const std::error_code canceled = errc::canceled;

task<int> number(int what)
{
    co_return what;
}

task<int> number_after_yields(int yields, int what)
{
    for (int pass = 0; pass < yields; ++pass)
        co_await this_task::yield();
    co_return what;
}

task<std::unique_ptr<std::string>> text_after_yield(std::string what)
{
    co_await this_task::yield();
    co_return std::make_unique<std::string>(std::move(what));
}

task<int> failing_after_yields(int yields, std::string why)
{
    for (int pass = 0; pass < yields; ++pass)
        co_await this_task::yield();
    throw std::runtime_error(why);
}

/// Waits for ever, and notes that it was stopped.
task<int> waiting_until_stopped(int& stopped)
{
    const result<> slept = co_await sleep_for(24h);
    stopped += slept.error() == canceled;
    co_return -1;
}

task<int> throwing_when_stopped()
{
    const result<> slept = co_await sleep_for(24h);
    slept.value();
    co_return -1;
}

struct all_case {
    static constexpr bool at_once = true;

    task<result<>> wait()
    {
        const auto [first, second] = co_await when_all(subject.wait(), number(1));
        co_return first;
    }
    void complete() { subject.set(); }
    void check_unused() { BOOST_TEST(subject.is_set()); }

    event subject;
};

struct any_case {
    static constexpr bool at_once = true;

    task<result<>> wait()
    {
        const auto race = co_await when_any(subject.wait(), sleep_for(24h));
        if (race.index == 1)
            co_return std::get<1>(race.values).value();
        co_return std::get<0>(race.values).value();
    }
    void complete() { subject.set(); }
    void check_unused() { BOOST_TEST(subject.is_set()); }

    event subject;
};

BOOST_AUTO_TEST_SUITE(when_test)

BOOST_AUTO_TEST_CASE(when_all_conforms)
{
    awaitable_conformance<all_case>::check("when_all");
}

BOOST_AUTO_TEST_CASE(when_any_conforms)
{
    awaitable_conformance<any_case>::check("when_any");
}

BOOST_AUTO_TEST_CASE(all_values_come_in_the_order_of_the_arguments)
{
    loop here;
    const auto body = [&]() -> task<> {
        const auto [slow, text, nothing, slept] =
            co_await when_all(number_after_yields(5, 7), text_after_yield("seven"), this_task::yield(), sleep_for(1ms));
        BOOST_TEST(slow == 7);
        BOOST_TEST(*text == "seven");
        BOOST_TEST((nothing == std::monostate()));
        BOOST_TEST(slept.has_value());
        const auto ready = co_await when_all(number(1), number(2));
        BOOST_TEST((ready == std::tuple(1, 2)));
        const std::tuple<> none = co_await when_all();
        BOOST_TEST((none == std::tuple<>()));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_range_gives_a_vector)
{
    loop here;
    const auto body = [&]() -> task<> {
        std::vector<task<int>> tasks;
        for (int i = 0; i < 10; ++i)
            tasks.push_back(number_after_yields(10 - i, i));
        const std::vector<int> values = co_await when_all(std::move(tasks));
        BOOST_TEST(values == (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), boost::test_tools::per_element());
        std::vector<task<int>> none;
        const std::vector<int> no_values = co_await when_all(std::move(none));
        BOOST_TEST(no_values.empty());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(they_run_side_by_side)
{
    loop here;
    const auto body = [&]() -> task<> {
        channel<int> there(1);
        channel<int> back(1);
        const auto ping = [&]() -> task<int> {
            const result<> sent = co_await there.send(4);
            sent.value();
            const result<int> got = co_await back.receive();
            co_return *got;
        };
        const auto pong = [&]() -> task<> {
            const result<int> got = co_await there.receive();
            const result<> sent = co_await back.send(*got + 1);
            sent.value();
        };
        const auto [answer, nothing] = co_await when_all(ping(), pong());
        BOOST_TEST(answer == 5);
        BOOST_TEST((nothing == std::monostate()));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(the_first_exception_stops_the_others_and_is_thrown_when_all_have_ended)
{
    loop here;
    const auto body = [&]() -> task<> {
        int stopped = 0;
        std::string why;
        try {
            const auto none = co_await when_all(waiting_until_stopped(stopped), failing_after_yields(3, "late"),
                                                failing_after_yields(1, "first"), throwing_when_stopped());
            static_cast<void>(none);
        } catch (const std::runtime_error& error) {
            why = error.what();
        }
        BOOST_TEST(why == "first");
        BOOST_TEST(stopped == 1);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(what_comes_behind_a_failure_at_once_is_not_started)
{
    loop here;
    const auto body = [&]() -> task<> {
        bool started = false;
        const auto never = [&]() -> task<int> {
            started = true;
            co_return 1;
        };
        bool failed = false;
        try {
            const auto none = co_await when_all(failing_after_yields(0, "at once"), never());
            static_cast<void>(none);
        } catch (const std::runtime_error&) {
            failed = true;
        }
        BOOST_TEST(failed);
        BOOST_TEST(!started);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_error_in_a_result_stops_nothing)
{
    loop here;
    const auto failing = []() -> task<result<int>> { co_return errc::reset; };
    const auto body = [&]() -> task<> {
        const auto [failed, slept] = co_await when_all(failing(), sleep_for(1ms));
        BOOST_TEST(failed.error() == make_error_code(errc::reset));
        BOOST_TEST(slept.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(the_first_to_end_wins_and_the_others_are_stopped_and_awaited)
{
    loop here;
    const auto body = [&]() -> task<> {
        int stopped = 0;
        const auto race = co_await when_any(waiting_until_stopped(stopped), number_after_yields(2, 8),
                                            throwing_when_stopped(), this_task::yield());
        BOOST_TEST(race.index == 3U);
        BOOST_TEST(stopped == 1);
        BOOST_TEST(std::get<0>(race.values).value() == -1);
        BOOST_TEST(std::get<1>(race.values).value() == 8);
        BOOST_TEST(!std::get<2>(race.values).has_value());
        BOOST_TEST(std::get<3>(race.values).has_value());
        BOOST_TEST(here.stats().timers == 0U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(behind_one_that_is_ready_nothing_is_started)
{
    loop here;
    const auto body = [&]() -> task<> {
        int stopped = 0;
        const auto race = co_await when_any(number(3), waiting_until_stopped(stopped));
        BOOST_TEST(race.index == 0U);
        BOOST_TEST(std::get<0>(race.values).value() == 3);
        BOOST_TEST(!std::get<1>(race.values).has_value());
        BOOST_TEST(stopped == 0);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(any_of_a_range)
{
    loop here;
    const auto body = [&]() -> task<> {
        std::vector<task<int>> tasks;
        for (int i = 0; i < 10; ++i)
            tasks.push_back(number_after_yields(10 - i, i));
        const auto race = co_await when_any(std::move(tasks));
        BOOST_TEST(race.index == 9U);
        BOOST_TEST(race.values[9].value() == 9);
        std::vector<task<int>> none;
        BOOST_CHECK_THROW(static_cast<void>(when_any(std::move(none))), std::invalid_argument);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_exception_that_comes_first_wins)
{
    loop here;
    const auto body = [&]() -> task<> {
        int stopped = 0;
        bool failed = false;
        try {
            const auto race = co_await when_any(waiting_until_stopped(stopped), failing_after_yields(1, "first"));
            static_cast<void>(race);
        } catch (const std::runtime_error&) {
            failed = true;
        }
        BOOST_TEST(failed);
        BOOST_TEST(stopped == 1);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_value_received_by_the_one_that_lost_is_there)
{
    loop here;
    const auto body = [&]() -> task<> {
        channel<int> first(1);
        channel<int> second(1);
        scope sender;
        const auto send_both = [&]() -> task<> {
            co_await this_task::yield();
            BOOST_TEST(first.try_send(1));
            BOOST_TEST(second.try_send(2));
        };
        sender.spawn(send_both());
        const auto race = co_await when_any(first.receive(), second.receive());
        BOOST_TEST(race.index == 0U);
        BOOST_TEST(**std::get<0>(race.values) == 1);
        BOOST_TEST(**std::get<1>(race.values) == 2);
        co_await sender.join();
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_stop_from_outside_reaches_them_all)
{
    loop here;
    const auto body = [&]() -> task<> {
        int stopped = 0;
        scope outer;
        const auto both = [&]() -> task<> {
            const auto all = co_await when_all(waiting_until_stopped(stopped), waiting_until_stopped(stopped));
            BOOST_TEST((all == std::tuple(-1, -1)));
        };
        outer.spawn(both());
        co_await this_task::yield();
        outer.request_stop();
        co_await outer.join();
        BOOST_TEST(stopped == 2);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(destroying_the_frame_destroys_them_all)
{
    loop here;
    const auto body = [&]() -> task<> {
        int stopped = 0;
        const auto alive = std::make_shared<int>(0);
        const auto holding = [](std::shared_ptr<int> held, int& count) -> task<> {
            const auto [a, b] = co_await when_all(waiting_until_stopped(count), waiting_until_stopped(count));
            *held = a + b;
        };
        {
            scope outer;
            outer.spawn(holding(alive, stopped));
            co_await this_task::yield();
            BOOST_TEST(here.stats().timers == 2U);
        }
        BOOST_TEST(here.stats().timers == 0U);
        BOOST_TEST(alive.use_count() == 1);
        BOOST_TEST(stopped == 0);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
