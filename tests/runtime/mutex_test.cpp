#include <coil/runtime/mutex.hpp>

#include "tests/support/awaitable_conformance.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;

struct lock_case {
    static constexpr bool at_once = true;

    lock_case() : held(subject.try_lock()) {}

    /// Whoever gets the lock keeps it here, so that the next one has to wait again.
    task<result<>> wait()
    {
        result<mutex::guard> got = co_await subject.lock();
        if (!got)
            co_return got.error();
        held.emplace(std::move(*got));
        co_return result<>();
    }
    void complete() { held.reset(); }
    void check_unused() { BOOST_TEST(!subject.locked()); }

    mutex subject;
    std::optional<mutex::guard> held;
};

BOOST_AUTO_TEST_SUITE(mutex_test)

BOOST_AUTO_TEST_CASE(locking_conforms)
{
    awaitable_conformance<lock_case>::check("mutex::lock");
}

BOOST_AUTO_TEST_CASE(one_at_a_time_in_the_order_of_coming)
{
    loop here;
    const auto body = [&]() -> task<> {
        mutex door;
        std::vector<int> order;
        int inside = 0;
        const auto visit = [&](int name) -> task<> {
            const result<mutex::guard> locked = co_await door.lock();
            BOOST_TEST(locked.has_value());
            BOOST_TEST(++inside == 1);
            for (int pass = 0; pass < 3; ++pass)
                co_await this_task::yield();
            order.push_back(name);
            --inside;
        };
        scope visitors;
        for (int name = 1; name <= 5; ++name)
            visitors.spawn(visit(name));
        co_await visitors.join();
        BOOST_TEST(order == (std::vector{1, 2, 3, 4, 5}), boost::test_tools::per_element());
        BOOST_TEST(!door.locked());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_lock_is_unlocked_by_hand_or_by_leaving)
{
    loop here;
    const auto body = [&]() -> task<> {
        mutex door;
        {
            result<mutex::guard> locked = co_await door.lock();
            BOOST_TEST(locked.has_value());
            BOOST_TEST(door.locked());
            BOOST_TEST(!door.try_lock().has_value());
            locked->unlock();
            BOOST_TEST(!door.locked());
            std::optional<mutex::guard> again = door.try_lock();
            BOOST_TEST(again.has_value());
            mutex::guard moved = std::move(*again);
            again.reset();
            BOOST_TEST(door.locked());
        }
        BOOST_TEST(!door.locked());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_exception_unlocks)
{
    loop here;
    const auto body = [&]() -> task<> {
        mutex door;
        const auto failing = [&]() -> task<> {
            const result<mutex::guard> locked = co_await door.lock();
            BOOST_TEST(locked.has_value());
            throw 5;
        };
        bool thrown = false;
        try {
            co_await failing();
        } catch (int) {
            thrown = true;
        }
        BOOST_TEST(thrown);
        BOOST_TEST(!door.locked());
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
