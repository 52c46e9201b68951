// What keeps a loop's thread for long is reported.

#include "tests/support/child_end.hpp"

#include <coil/runtime/generator.hpp>
#include <coil/runtime/internal/stretch.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace coil;
using namespace std::chrono_literals;

void block()
{
    std::this_thread::sleep_for(150ms);
}

task<> slow_handler()
{
    co_await this_task::yield();
    block();
}

task<> slow_between_awaits()
{
    const result<> slept = co_await sleep_for(1ms);
    slept.value();
    block();
    co_await this_task::yield();
}

task<> quick_child()
{
    const result<> slept = co_await sleep_for(1ms);
    slept.value();
}

/// It blocks after a child has ended, so that the child's frame is the one that was resumed.
task<> slow_parent()
{
    co_await quick_child();
    block();
}

task<> patient_parent()
{
    co_await slow_handler();
    co_await quick_child();
}

generator<int> slow_generator()
{
    co_yield 1;
    block();
    co_yield 2;
}

/// The reports of a loop that runs `main`.
std::vector<blocked_report> reports_of(task<> main, std::chrono::nanoseconds threshold = 20ms)
{
    loop here({.blocked_threshold = threshold});
    std::vector<blocked_report> reports;
    here.on_blocked([&](const blocked_report& each) { reports.push_back(each); });
    here.run(std::move(main));
    return reports;
}

/// Whether one of `reports` is of 150 ms and, where builds know names, has `name`. On a busy machine others may be late too.
bool is_named(const std::vector<blocked_report>& reports, const std::string& name)
{
    return std::any_of(reports.begin(), reports.end(), [&](const blocked_report& each) {
        const bool named = each.coroutine.find(name) != std::string::npos &&
                           each.coroutine.find("tests/runtime/blocked_loop_test.cpp:") != std::string::npos;
        return each.time >= 150ms && (internal::checks_misuse ? named : each.coroutine.empty());
    });
}

BOOST_AUTO_TEST_SUITE(blocked_loop_test)

BOOST_AUTO_TEST_CASE(the_coroutine_that_blocks_is_named)
{
    BOOST_TEST(is_named(reports_of(slow_handler()), "slow_handler"));
    BOOST_TEST(is_named(reports_of(slow_between_awaits()), "slow_between_awaits"));
}

BOOST_AUTO_TEST_CASE(neither_its_child_nor_its_parent_is_taken_for_it)
{
    BOOST_TEST(is_named(reports_of(slow_parent()), "slow_parent"));
    BOOST_TEST(is_named(reports_of(patient_parent()), "slow_handler"));
}

BOOST_AUTO_TEST_CASE(tasks_of_a_scope_and_generators_are_named)
{
    const auto spawning = []() -> task<> {
        scope all;
        all.spawn(slow_handler());
        co_await all.join();
    };
    BOOST_TEST(is_named(reports_of(spawning()), "slow_handler"));
    const auto generating = []() -> task<> {
        auto numbers = slow_generator();
        int sum = 0;
        while (true) {
            const std::optional<int> next = co_await numbers.next();
            if (!next)
                break;
            sum += *next;
        }
        BOOST_TEST(sum == 3);
    };
    BOOST_TEST(is_named(reports_of(generating()), "slow_generator"));
}

BOOST_AUTO_TEST_CASE(a_posted_call_that_blocks_is_reported_without_a_name)
{
    const auto posting = []() -> task<> {
        loop::current().post([] { block(); });
        co_await quick_child();
    };
    const std::vector<blocked_report> reports = reports_of(posting());
    BOOST_TEST(std::any_of(reports.begin(), reports.end(),
                           [](const blocked_report& each) { return each.time >= 150ms && each.coroutine.empty(); }));
}

BOOST_AUTO_TEST_CASE(nothing_is_reported_below_the_threshold_or_without_one)
{
    BOOST_TEST(reports_of(slow_handler(), 1h).empty());
    BOOST_TEST(reports_of(slow_handler(), 0ns).empty());
    BOOST_TEST(loop_options().blocked_threshold == (internal::checks_misuse ? 100ms : 0ms));
}

BOOST_AUTO_TEST_CASE(without_a_handler_a_line_goes_to_stderr)
{
    const test::child_end end = test::end_of_child([] {
        loop here({.blocked_threshold = 20ms});
        here.run(slow_handler());
    });
    BOOST_TEST(end.signal == 0);
    BOOST_TEST_INFO_SCOPE(end.message);
    BOOST_TEST(end.message.starts_with("coil: "));
    BOOST_TEST(end.message.find("kept the loop's thread for 1") != std::string::npos);
    BOOST_TEST((end.message.find("slow_handler") != std::string::npos) == internal::checks_misuse);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
