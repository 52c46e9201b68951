#include <coil/runtime/internal/misuse.hpp>

#include "tests/support/child_end.hpp"

#include <coil/runtime/channel.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/mutex.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/semaphore.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

namespace {

using namespace coil;
using namespace std::chrono_literals;
using test::stops_with;

/// Waits for `what`, whatever comes of it.
template <class Awaitable>
task<> wait_for(Awaitable what)
{
    const auto outcome = co_await what;
    static_cast<void>(outcome);
}

/// `what()` is awaited on a loop of this thread and then, while it still is, on one of another thread.
template <class F>
void await_on_two_threads(F what)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope waiting;
        waiting.spawn(wait_for(what()));
        co_await this_task::yield();
        std::thread([&] {
            loop there;
            there.run(wait_for(what()));
        }).join();
        co_await waiting.join();
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE(internal_misuse_test)

BOOST_AUTO_TEST_CASE(waiting_on_a_thread_without_a_loop_stops_the_program)
{
    BOOST_TEST(stops_with("this thread has no loop", [] { static_cast<void>(sleep_for(1ms)); }));
}

BOOST_AUTO_TEST_CASE(two_coroutines_that_join_a_scope_stop_the_program)
{
    BOOST_TEST(stops_with("a scope is joined by two coroutines at once", [] {
        loop here;
        const auto body = []() -> task<> {
            scope sleeping;
            sleeping.spawn(wait_for(sleep_for(1s)));
            scope joining;
            joining.spawn([&]() -> task<> { co_await sleeping.join(); });
            joining.spawn([&]() -> task<> { co_await sleeping.join(); });
            co_await joining.join();
        };
        here.run(body());
    }));
}

#ifndef NDEBUG

BOOST_AUTO_TEST_CASE(awaiting_an_object_of_another_thread_stops_the_program_and_says_which_and_where)
{
    BOOST_TEST(stops_with("an event that belongs to another thread is awaited in ", [] {
        event shared;
        await_on_two_threads([&] { return shared.wait(); });
    }));
    BOOST_TEST(stops_with("wait_for", [] {
        event shared;
        await_on_two_threads([&] { return shared.wait(); });
    }));
    BOOST_TEST(stops_with("tests/runtime/internal_misuse_test.cpp:", [] {
        event shared;
        await_on_two_threads([&] { return shared.wait(); });
    }));
    BOOST_TEST(stops_with("a semaphore or mutex that belongs to another thread", [] {
        semaphore shared(0);
        await_on_two_threads([&] { return shared.acquire(); });
    }));
    BOOST_TEST(stops_with("a semaphore or mutex that belongs to another thread", [] {
        mutex shared;
        const std::optional<mutex::guard> locked = shared.try_lock();
        await_on_two_threads([&] { return shared.lock(); });
    }));
    BOOST_TEST(stops_with("a channel that belongs to another thread", [] {
        channel<int> shared(1);
        await_on_two_threads([&] { return shared.receive(); });
    }));
}

BOOST_AUTO_TEST_CASE(ending_a_wait_of_another_thread_stops_the_program)
{
    BOOST_TEST(stops_with("loop::post is for that", [] {
        loop here;
        const auto body = []() -> task<> {
            event shared;
            scope waiting;
            waiting.spawn(wait_for(shared.wait()));
            co_await this_task::yield();
            std::thread([&] {
                const loop there;
                shared.set();
            }).join();
            co_await waiting.join();
        };
        here.run(body());
    }));
}

BOOST_AUTO_TEST_CASE(a_task_that_is_awaited_twice_stops_the_program)
{
    BOOST_TEST(stops_with("a task is awaited twice: ", [] {
        loop here;
        const auto body = []() -> task<> {
            task<> once = wait_for(sleep_for(1ms));
            co_await once;
            co_await once;
        };
        here.run(body());
    }));
}

BOOST_AUTO_TEST_CASE(a_task_that_was_moved_from_and_is_awaited_stops_the_program)
{
    BOOST_TEST(stops_with("a task that was moved from is awaited", [] {
        loop here;
        const auto body = []() -> task<> {
            task<> first = wait_for(sleep_for(1ms));
            const task<> second = std::move(first);
            co_await first;
        };
        here.run(body());
    }));
}

#endif

BOOST_AUTO_TEST_CASE(one_object_may_serve_one_loop_of_a_thread_after_the_other)
{
    event first(false);
    for (int i = 0; i < 2; ++i) {
        loop here;
        const auto body = [&]() -> task<> {
            scope waiting;
            waiting.spawn(wait_for(first.wait()));
            first.set();
            co_await waiting.join();
            first.reset();
        };
        here.run(body());
    }
    BOOST_TEST(!first.is_set());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
