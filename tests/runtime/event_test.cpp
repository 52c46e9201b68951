#include <coil/runtime/event.hpp>

#include "tests/support/awaitable_conformance.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;

struct event_case {
    static constexpr bool at_once = true;

    task<result<>> wait()
    {
        const result<> got = co_await subject.wait();
        co_return got;
    }
    void complete() { subject.set(); }
    void check_unused() { BOOST_TEST(subject.is_set()); }

    event subject;
};

task<> note_when_set(event& of, std::vector<int>& order, int name)
{
    const result<> got = co_await of.wait();
    if (got)
        order.push_back(name);
    else
        order.push_back(-name);
}

BOOST_AUTO_TEST_SUITE(event_test)

BOOST_AUTO_TEST_CASE(waiting_for_an_event_conforms)
{
    awaitable_conformance<event_case>::check("event::wait");
}

BOOST_AUTO_TEST_CASE(all_go_on_in_their_order_and_later_ones_need_not_wait)
{
    loop here;
    const auto body = [&]() -> task<> {
        event ready;
        std::vector<int> order;
        scope waiters;
        for (int name : {1, 2, 3})
            waiters.spawn(note_when_set(ready, order, name));
        co_await this_task::yield();
        BOOST_TEST(order.empty());
        ready.set();
        co_await note_when_set(ready, order, 4);
        co_await waiters.join();
        BOOST_TEST(order == (std::vector{4, 1, 2, 3}), boost::test_tools::per_element());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(after_a_reset_everybody_waits_again)
{
    loop here;
    const auto body = [&]() -> task<> {
        event ready(true);
        BOOST_TEST(ready.is_set());
        ready.reset();
        std::vector<int> order;
        scope waiters;
        waiters.spawn(note_when_set(ready, order, 1));
        co_await this_task::yield();
        ready.set();
        ready.reset();  // the one that was set free goes on all the same
        waiters.spawn(note_when_set(ready, order, 2));
        co_await this_task::yield();
        co_await this_task::yield();
        BOOST_TEST(order == (std::vector{1}), boost::test_tools::per_element());
        ready.set();
        co_await waiters.join();
        BOOST_TEST(order == (std::vector{1, 2}), boost::test_tools::per_element());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(who_waits_for_an_event_that_is_destroyed_is_told)
{
    loop here;
    const auto body = [&]() -> task<> {
        auto ready = std::make_unique<event>();
        std::vector<int> order;
        scope waiters;
        waiters.spawn(note_when_set(*ready, order, 1));
        co_await this_task::yield();
        ready.reset();
        co_await waiters.join();
        BOOST_TEST(order == (std::vector{-1}), boost::test_tools::per_element());
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
