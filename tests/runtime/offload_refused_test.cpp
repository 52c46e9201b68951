// What becomes of calls when the system starts no further thread.
#include <coil/runtime/offload.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <semaphore>
#include <system_error>

#include <dlfcn.h>
#include <pthread.h>

namespace {

std::atomic<bool> refuses = false;

}  // namespace

/// In place of the system's, which refuses only when it has no room left.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                              void* argument) noexcept
{
    if (refuses)
        return EAGAIN;
    static const auto real = reinterpret_cast<decltype(&pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
    return real(thread, attributes, start, argument);
}

namespace {

using namespace coil;

sigset_t blocked_now()
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return now;
}

BOOST_AUTO_TEST_SUITE(offload_refused_test)

BOOST_AUTO_TEST_CASE(a_call_without_a_thread_fails_and_signals_stay_as_they_were, *boost::unit_test::label("F-37"))
{
    loop here;
    const auto body = []() -> task<> {
        const auto one = [] { return 1; };
        refuses = true;
        const result<int> refused = co_await offload(one);
        refuses = false;
        BOOST_TEST((refused.error() == std::errc::resource_unavailable_try_again));
        const sigset_t now = blocked_now();
        BOOST_TEST(sigismember(&now, SIGTERM) == 0);
        BOOST_TEST(sigismember(&now, SIGUSR1) == 0);
        const result<int> later = co_await offload(one);
        BOOST_TEST(*later == 1);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_call_waits_where_there_is_a_thread_already, *boost::unit_test::label("F-37"))
{
    loop here;
    const auto body = []() -> task<> {
        const auto reached = std::make_shared<std::binary_semaphore>(0);
        const auto opened = std::make_shared<std::binary_semaphore>(0);
        int ended = 0;
        scope all;
        const auto first = [&]() -> task<> {
            const auto wait = [reached, opened] {
                reached->release();
                opened->acquire();
            };
            auto waiting = offload(wait);
            const result<> done = co_await waiting;
            ended += done.has_value();
        };
        const auto second = [&]() -> task<> {
            const auto one = [] { return 1; };
            const result<int> done = co_await offload(one);
            ended += done.has_value();
        };
        all.spawn(first());
        co_await this_task::yield();
        co_await this_task::yield();
        reached->acquire();
        refuses = true;
        all.spawn(second());
        co_await this_task::yield();
        co_await this_task::yield();
        BOOST_TEST(ended == 0);
        opened->release();
        co_await all.join();
        refuses = false;
        BOOST_TEST(ended == 2);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
