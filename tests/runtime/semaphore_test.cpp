#include <coil/runtime/semaphore.hpp>

#include "tests/support/awaitable_conformance.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;

const std::error_code destroyed = errc::destroyed;

struct acquire_case {
    static constexpr bool at_once = true;

    task<result<>> wait()
    {
        result<semaphore::permit> got = co_await subject.acquire();
        if (!got)
            co_return got.error();
        got->forget();
        co_return result<>();
    }
    void complete() { subject.release(); }
    void check_unused() { BOOST_TEST(subject.available() == 1U); }

    semaphore subject{0};
};

BOOST_AUTO_TEST_SUITE(semaphore_test)

BOOST_AUTO_TEST_CASE(acquiring_a_permit_conforms)
{
    awaitable_conformance<acquire_case>::check("semaphore::acquire");
}

BOOST_AUTO_TEST_CASE(permits_are_served_in_the_order_of_coming)
{
    loop here;
    const auto body = [&]() -> task<> {
        semaphore two(2);
        std::vector<int> order;
        int inside = 0;
        const auto visit = [&](int name) -> task<> {
            const result<semaphore::permit> permit = co_await two.acquire();
            BOOST_TEST(permit.has_value());
            BOOST_TEST(++inside <= 2);
            order.push_back(name);
            co_await this_task::yield();
            co_await this_task::yield();
            --inside;
        };
        scope visitors;
        for (int name = 1; name <= 6; ++name)
            visitors.spawn(visit(name));
        co_await visitors.join();
        BOOST_TEST(order == (std::vector{1, 2, 3, 4, 5, 6}), boost::test_tools::per_element());
        BOOST_TEST(two.available() == 2U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_permit_is_moved_forgotten_and_given_back_once)
{
    loop here;
    const auto body = [&]() -> task<> {
        semaphore one(1);
        std::optional<semaphore::permit> first = one.try_acquire();
        BOOST_TEST(first.has_value());
        BOOST_TEST(!one.try_acquire().has_value());
        semaphore::permit moved = std::move(*first);
        first.reset();
        BOOST_TEST(one.available() == 0U);
        moved.release();
        moved.release();
        BOOST_TEST(one.available() == 1U);
        result<semaphore::permit> second = co_await one.acquire();
        BOOST_TEST(second.has_value());
        second->forget();
        moved = std::move(*second);
        BOOST_TEST(one.available() == 0U);
        one.release(3);
        BOOST_TEST(one.available() == 3U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(nobody_who_comes_later_takes_a_permit_that_was_granted)
{
    loop here;
    const auto body = [&]() -> task<> {
        semaphore one(0);
        bool waited = false;
        const auto visit = [&]() -> task<> {
            const result<semaphore::permit> permit = co_await one.acquire();
            waited = permit.has_value();
        };
        scope visitors;
        visitors.spawn(visit());
        co_await this_task::yield();
        one.release();
        BOOST_TEST(!one.try_acquire().has_value());
        co_await visitors.join();
        BOOST_TEST(waited);
        BOOST_TEST(one.available() == 1U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(who_waits_or_was_just_granted_is_told_that_the_semaphore_is_gone)
{
    loop here;
    const auto body = [&]() -> task<> {
        auto gone = std::make_unique<semaphore>(0);
        int told = 0;
        const auto visit = [&]() -> task<> {
            const result<semaphore::permit> permit = co_await gone->acquire();
            told += permit.error() == destroyed;
        };
        scope visitors;
        visitors.spawn(visit());
        visitors.spawn(visit());
        co_await this_task::yield();
        gone->release();
        gone.reset();
        co_await visitors.join();
        BOOST_TEST(told == 2);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(no_permit_is_lost_among_stops_and_destroyed_frames)
{
    loop here;
    const auto body = [&]() -> task<> {
        std::mt19937 random(7);
        semaphore three(3);
        int inside = 0;
        const auto visit = [&]() -> task<> {
            const result<semaphore::permit> permit = co_await three.acquire();
            if (!permit)
                co_return;
            BOOST_REQUIRE(++inside <= 3);
            struct leaving {
                explicit leaving(int& of) : count(of) {}
                leaving(const leaving&) = delete;
                ~leaving() { --count; }
                int& count;
            } const leave(inside);
            co_await this_task::yield();
        };
        std::vector<std::unique_ptr<scope>> scopes;
        for (int round = 0; round < 20000; ++round) {
            const unsigned what = random() % 8;
            if (what < 3) {
                scopes.push_back(std::make_unique<scope>());
                scopes.back()->spawn(visit());
            } else if (what < 5 && !scopes.empty()) {
                scopes.erase(scopes.begin() + static_cast<std::ptrdiff_t>(random() % scopes.size()));
            } else if (what < 6 && !scopes.empty()) {
                scopes[random() % scopes.size()]->request_stop();
            } else {
                co_await this_task::yield();
            }
        }
        scopes.clear();
        BOOST_TEST(inside == 0);
        BOOST_TEST(three.available() == 3U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
