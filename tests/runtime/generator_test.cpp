#include <coil/runtime/generator.hpp>

#include "tests/support/awaitable_conformance.hpp"

#include <coil/runtime/event.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

generator<std::unique_ptr<int>> numbers(int count, bool waiting)
{
    for (int number = 0; number < count; ++number) {
        if (waiting)
            co_await this_task::yield();
        co_yield std::make_unique<int>(number);
    }
}

generator<result<>> events(event& of)
{
    while (true) {
        const result<> got = co_await of.wait();
        co_yield got;
    }
}

struct next_case {
    static constexpr bool at_once = true;

    task<result<>> wait()
    {
        generator<result<>> all = events(subject);
        const std::optional<result<>> got = co_await all.next();
        co_return *got;
    }
    void complete() { subject.set(); }
    void check_unused() { BOOST_TEST(subject.is_set()); }

    event subject;
};

BOOST_AUTO_TEST_SUITE(generator_test)

BOOST_AUTO_TEST_CASE(the_next_value_conforms)
{
    awaitable_conformance<next_case>::check("generator::next");
}

BOOST_AUTO_TEST_CASE(gives_its_values_in_order_and_then_nothing)
{
    loop here;
    for (const bool waiting : {false, true}) {
        const auto body = [waiting]() -> task<> {
            generator<std::unique_ptr<int>> all = numbers(100, waiting);
            int expected = 0;
            while (const auto value = co_await all.next())
                BOOST_REQUIRE(**value == expected++);
            BOOST_TEST(expected == 100);
            const auto end = co_await all.next();
            BOOST_TEST(!end.has_value());
        };
        here.run(body());
    }
}

BOOST_AUTO_TEST_CASE(many_values_need_no_deep_stack)
{
    loop here;
    const auto body = [&]() -> task<> {
        generator<std::unique_ptr<int>> all = numbers(300'000, false);
        int count = 0;
        while (const auto value = co_await all.next())
            ++count;
        BOOST_TEST(count == 300'000);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_exception_is_thrown_once_and_ends_it)
{
    loop here;
    const auto failing = []() -> generator<int> {
        co_yield 1;
        co_await this_task::yield();
        throw std::runtime_error("no more");
    };
    const auto body = [&]() -> task<> {
        generator<int> all = failing();
        const std::optional<int> first = co_await all.next();
        BOOST_TEST(first.value() == 1);
        bool thrown = false;
        try {
            const std::optional<int> second = co_await all.next();
            static_cast<void>(second);
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        BOOST_TEST(thrown);
        const std::optional<int> third = co_await all.next();
        BOOST_TEST(!third.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(each_next_brings_the_token_of_the_one_who_awaits)
{
    loop here;
    const auto body = [&]() -> task<> {
        const auto tokens = []() -> generator<bool> {
            while (true) {
                const stop_token token = co_await this_task::stop_token();
                co_yield token.stop_requested();
            }
        };
        generator<bool> all = tokens();
        const std::optional<bool> before = co_await all.next();
        BOOST_TEST(before.value() == false);
        stop_source stopped;
        stopped.request_stop();
        co_await internal::use_stop_token(stopped.token());
        const std::optional<bool> after = co_await all.next();
        BOOST_TEST(after.value() == true);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(destroying_it_while_it_waits_destroys_what_it_holds)
{
    loop here;
    const auto body = [&]() -> task<> {
        const auto held = std::make_shared<int>(1);
        const auto sleeping = [](std::shared_ptr<int> holding) -> generator<int> {
            co_yield *holding;
            const result<> slept = co_await sleep_for(24h);
            slept.value();
            co_yield 2;
        };
        std::optional<generator<int>> all(sleeping(held));
        const std::optional<int> first = co_await all->next();
        BOOST_TEST(first.value() == 1);
        {
            scope waiting;
            const auto second = [&]() -> task<> {
                const std::optional<int> never = co_await all->next();
                BOOST_TEST(!never.has_value());
            };
            waiting.spawn(second());
            co_await this_task::yield();
            BOOST_TEST(here.stats().timers == 1U);
        }
        BOOST_TEST(held.use_count() == 2);
        all.reset();
        BOOST_TEST(held.use_count() == 1);
        BOOST_TEST(here.stats().timers == 0U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_value_for_one_who_is_gone_is_the_next_one_for_another)
{
    loop here;
    const auto body = [&]() -> task<> {
        event ready;
        const auto one = [&]() -> generator<int> {
            const result<> got = co_await ready.wait();
            got.value();
            co_yield 5;
        };
        generator<int> all = one();
        {
            scope waiting;
            const auto gone = [&]() -> task<> {
                const std::optional<int> never = co_await all.next();
                BOOST_TEST(!never.has_value());
            };
            waiting.spawn(gone());
            co_await this_task::yield();
        }
        scope setter;
        const auto set = [&]() -> task<> {
            co_await this_task::yield();
            ready.set();
        };
        setter.spawn(set());
        const std::optional<int> first = co_await all.next();  // while it still waits
        BOOST_TEST(first.value() == 5);
        const std::optional<int> end = co_await all.next();
        BOOST_TEST(!end.has_value());
        co_await setter.join();
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
