#include <coil/runtime/yield.hpp>

#include "tests/support/process_counts.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <vector>

namespace {

using namespace coil;

BOOST_AUTO_TEST_SUITE(yield_test)

BOOST_AUTO_TEST_CASE(coroutines_that_yield_take_turns)
{
    loop here;
    const auto body = [&]() -> task<> {
        std::vector<int> order;
        const auto counting = [&order](int name) -> task<> {
            for (int round = 0; round < 3; ++round) {
                order.push_back(name);
                co_await this_task::yield();
            }
        };
        scope both;
        both.spawn(counting(1));
        both.spawn(counting(2));
        co_await both.join();
        BOOST_TEST(order == (std::vector{1, 2, 1, 2, 1, 2}), boost::test_tools::per_element());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(yielding_for_ever_does_not_keep_timers_and_posted_calls_away)
{
    loop here;
    bool posted = false;
    here.post([&] { posted = true; });
    const auto body = [&]() -> task<> {
        bool timer = false;
        scope sleeper;
        const auto sleep = [&]() -> task<> {
            const result<> slept = co_await sleep_for(std::chrono::milliseconds(1));
            timer = slept.has_value();
        };
        sleeper.spawn(sleep());
        while (!timer || !posted)
            co_await this_task::yield();
        co_await sleeper.join();
        BOOST_TEST(timer);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_stop_does_not_end_it_and_a_frame_that_is_destroyed_does_not_go_on)
{
    loop here;
    const auto body = [&]() -> task<> {
        int passed = 0;
        const auto yielding = [&passed]() -> task<> {
            co_await this_task::yield();
            ++passed;
        };
        {
            scope stopped;
            stopped.request_stop();
            stopped.spawn(yielding());
            co_await stopped.join();
            BOOST_TEST(passed == 1);
        }
        {
            scope destroyed;
            destroyed.spawn(yielding());
            co_await this_task::yield();
        }
        co_await this_task::yield();
        co_await this_task::yield();
        BOOST_TEST(passed == 1);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
