#include <coil/runtime/offload.hpp>

#include "tests/support/process_counts.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

/// Holds calls up until it is opened.
struct gate {
    std::binary_semaphore reached{0};
    std::binary_semaphore opened{0};

    void pass()
    {
        reached.release();
        opened.acquire();
    }
};

BOOST_AUTO_TEST_SUITE(offload_test)

BOOST_AUTO_TEST_CASE(gives_what_the_call_returns)
{
    loop here;
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        std::thread::id there;
        const auto ask = [&there] {
            there = std::this_thread::get_id();
            return std::string("answer");
        };
        const result<std::string> answer = co_await offload(ask);
        BOOST_TEST(*answer == "answer");
        BOOST_TEST((there != std::this_thread::get_id()));
        const auto own = [] { return std::make_unique<int>(5); };
        const result<std::unique_ptr<int>> owner = co_await offload(own);
        BOOST_TEST(**owner == 5);
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_result_is_passed_on_as_it_is)
{
    loop here;
    const auto body = [&]() -> task<> {
        const auto fail = []() -> result<int> { return errc::host_not_found; };
        const result<int> failed = co_await offload(fail);
        BOOST_TEST(failed.error() == make_error_code(errc::host_not_found));
        const auto succeed = []() -> result<> { return {}; };
        const result<> succeeded = co_await offload(succeed);
        BOOST_TEST(succeeded.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_call_may_return_nothing)
{
    loop here;
    const auto body = [&]() -> task<> {
        bool ran = false;
        const auto call = [&ran] { ran = true; };
        auto offloaded = offload(call);
        const result<> done = co_await offloaded;
        BOOST_TEST(done.has_value());
        BOOST_TEST(ran);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_exception_of_the_call_reaches_who_awaits)
{
    loop here;
    const auto body = [&]() -> task<> {
        const auto call = []() -> int { throw std::runtime_error("on a worker"); };
        auto offloaded = offload(call);
        const result<int> never = co_await offloaded;
        BOOST_TEST(never.has_value());
    };
    BOOST_CHECK_THROW(here.run(body()), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(the_loop_goes_on_meanwhile)
{
    loop here;
    const auto held = std::make_shared<gate>();
    const auto body = [&]() -> task<> {
        scope all;
        bool finished = false;
        all.spawn([&]() -> task<> {
            const auto call = [held] {
                held->pass();
                return 1;
            };
            auto offloaded = offload(call);
            const result<int> one = co_await offloaded;
            finished = one.has_value();
        });
        const result<> slept = co_await sleep_for(2ms);
        slept.value();
        BOOST_TEST(!finished);
        held->opened.release();
        co_await all.join();
        BOOST_TEST(finished);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_wait_and_not_the_call)
{
    loop here;
    const auto held = std::make_shared<gate>();
    const auto body = [&]() -> task<> {
        const auto call = [held] {
            held->pass();
            return std::make_shared<int>(1);
        };
        const auto started = std::chrono::steady_clock::now();
        const result<std::shared_ptr<int>> stopped = co_await with_timeout(2ms, offload(call));
        BOOST_TEST(stopped.error() == make_error_code(errc::timed_out));
        BOOST_TEST((std::chrono::steady_clock::now() - started < 10s));
        held->opened.release();
        const result<> slept = co_await sleep_for(5ms);  // the value arrives and is dropped
        slept.value();
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_call_that_is_stopped_before_it_starts_never_runs)
{
    loop here;
    stop_source stop;
    stop.request_stop();
    const auto ran = std::make_shared<std::atomic<bool>>(false);
    const auto body = [&]() -> task<> {
        co_await internal::use_stop_token(stop.token());
        const auto call = [ran] { return ran->exchange(true); };
        auto offloaded = offload(call);
        const result<bool> stopped = co_await offloaded;
        BOOST_TEST(stopped.error() == make_error_code(errc::canceled));
    };
    here.run(body());
    BOOST_TEST(!*ran);
}

BOOST_AUTO_TEST_CASE(who_waits_may_be_destroyed_before_the_call_ends)
{
    loop here;
    const auto held = std::make_shared<gate>();
    const auto body = [&]() -> task<> {
        std::optional<scope> waiters;
        waiters.emplace();
        waiters->spawn([held]() -> task<> {
            const auto call = [held] {
                held->pass();
                return 1;
            };
            auto offloaded = offload(call);
            const result<int> never = co_await offloaded;
            BOOST_TEST(!never.has_value());
        });
        const result<> slept = co_await sleep_for(1ms);
        slept.value();
        held->reached.acquire();
        waiters.reset();
        held->opened.release();
        const result<> again = co_await sleep_for(5ms);
        again.value();
    };
    here.run(body());
    BOOST_TEST(here.stats().timers == 0U);
}

BOOST_AUTO_TEST_CASE(the_loop_may_be_destroyed_before_the_call_ends)
{
    const auto held = std::make_shared<gate>();
    const auto ended = std::make_shared<std::binary_semaphore>(0);
    {
        loop here;
        const auto body = [&]() -> task<> {
            scope waiters;
            waiters.spawn([held, ended]() -> task<> {
                const auto call = [held, ended] {
                    held->pass();
                    ended->release();
                    return 1;
                };
                auto offloaded = offload(call);
                const result<int> never = co_await offloaded;
                BOOST_TEST(!never.has_value());
            });
            while (!held->reached.try_acquire()) {  // a call that has not begun would not be made at all
                const result<> slept = co_await sleep_for(1ms);
                slept.value();
            }
        };
        here.run(body());
    }
    held->opened.release();
    BOOST_TEST(ended->try_acquire_for(10s));
}

BOOST_AUTO_TEST_CASE(more_calls_than_threads_take_turns)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope all;
        const auto running = std::make_shared<std::atomic<int>>(0);
        const auto most = std::make_shared<std::atomic<int>>(0);
        int sum = 0;
        for (int i = 0; i < 200; ++i)
            all.spawn([&sum, i, running, most]() -> task<> {
                const auto call = [i, running, most] {
                    const int now = ++*running;
                    int before = *most;
                    while (before < now && !most->compare_exchange_weak(before, now)) {
                    }
                    std::this_thread::sleep_for(100us);
                    --*running;
                    return i;
                };
                auto offloaded = offload(call);
                const result<int> value = co_await offloaded;
                sum += *value;
            });
        co_await all.join();
        BOOST_TEST(sum == 199 * 100);
        BOOST_TEST(*most <= 4);
        BOOST_TEST(*most >= 2);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(signals_do_not_reach_the_workers)
{
    loop here;
    const auto body = [&]() -> task<> {
        const auto call = [] {
            sigset_t now;
            pthread_sigmask(SIG_SETMASK, nullptr, &now);
            return sigismember(&now, SIGUSR1) == 1;
        };
        auto offloaded = offload(call);
        const result<bool> blocked = co_await offloaded;
        BOOST_TEST(*blocked);
    };
    here.run(body());
}

/// Makes a call on a loop of its own. @return whether its value came.
[[maybe_unused]] bool call_is_made()
{
    loop here;
    const auto body = []() -> task<bool> {
        auto offloaded = offload([] { return 7; });
        const result<int> value = co_await offloaded;
        co_return value && *value == 7;
    };
    return here.run(body());
}

#if !defined(__SANITIZE_THREAD__)  // which ends a process that was forked and starts a thread
BOOST_AUTO_TEST_CASE(a_process_that_was_forked_has_threads_of_its_own)
{
    BOOST_TEST(call_is_made());
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        ::alarm(20);  // waits for ever where the parent's threads are counted on
        ::_exit(call_is_made() ? 0 : 1);
    }
    int status = -1;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST(status == 0);
}
#endif

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
