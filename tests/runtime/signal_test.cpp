#include <coil/runtime/signal.hpp>

#include "tests/support/process_counts.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

bool blocked(int number)
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return sigismember(&now, number) == 1;
}

task<result<int>> wait_twice(const signal_set& watched)
{
    const result<int> first = co_await watched.wait();
    BOOST_TEST(first.error() == make_error_code(errc::canceled));
    const result<int> second = co_await watched.wait();
    co_return second;
}

BOOST_AUTO_TEST_SUITE(signal_test)

BOOST_AUTO_TEST_CASE(gives_the_number_of_the_signal_that_came)
{
    loop here;
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            signal_set watched({SIGUSR1, SIGUSR2});
            BOOST_REQUIRE(::kill(::getpid(), SIGUSR2) == 0);
            const result<int> early = co_await watched.wait();
            BOOST_TEST(early.has_value());
            BOOST_TEST(*early == SIGUSR2);
            here.post([] { ::kill(::getpid(), SIGUSR1); });
            const result<int> late = co_await watched.wait();
            BOOST_TEST(late.has_value());
            BOOST_TEST(*late == SIGUSR1);
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(blocks_the_signals_only_while_it_exists)
{
    loop here;
    BOOST_TEST(!blocked(SIGUSR1));
    {
        const signal_set watched({SIGUSR1});
        BOOST_TEST(blocked(SIGUSR1));
        BOOST_TEST(!blocked(SIGUSR2));
    }
    BOOST_TEST(!blocked(SIGUSR1));
}

BOOST_AUTO_TEST_CASE(a_wait_can_be_stopped_before_it_starts_and_while_it_lasts)
{
    loop here;
    const auto body = [&]() -> task<> {
        signal_set watched({SIGUSR1});
        const process_counts before = process_counts::now();
        const result<int> none = co_await with_timeout(2ms, wait_twice(watched));
        BOOST_TEST(none.error() == make_error_code(errc::timed_out));
        co_await counts_return_to(before);
        // What was stopped took no signal.
        BOOST_REQUIRE(::kill(::getpid(), SIGUSR1) == 0);
        const result<int> number = co_await watched.wait();
        BOOST_TEST(number.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_wait_can_be_destroyed)
{
    loop here;
    const auto body = [&]() -> task<> {
        signal_set watched({SIGUSR1});
        const process_counts before = process_counts::now();
        std::optional<scope> waiters;
        waiters.emplace();
        for (int i = 0; i < 3; ++i)
            waiters->spawn([&watched]() -> task<> {
                const result<int> never = co_await watched.wait();
                BOOST_TEST(!never.has_value());
            });
        const result<> slept = co_await sleep_for(1ms);
        slept.value();
        waiters.reset();
        co_await counts_return_to(before);
        BOOST_REQUIRE(::kill(::getpid(), SIGUSR1) == 0);
        const result<int> number = co_await watched.wait();
        BOOST_TEST(number.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(sets_that_overlap_unblock_only_what_no_other_blocks, *boost::unit_test::label("F-38"))
{
    std::optional<signal_set> first(std::in_place, std::initializer_list<int>{SIGUSR1});
    std::optional<signal_set> second(std::in_place, std::initializer_list<int>{SIGUSR1, SIGUSR2});
    first.reset();
    BOOST_TEST(blocked(SIGUSR1));
    BOOST_TEST(blocked(SIGUSR2));
    second.reset();
    BOOST_TEST(!blocked(SIGUSR1));
    BOOST_TEST(!blocked(SIGUSR2));
    first.emplace(std::initializer_list<int>{SIGUSR1, SIGUSR1});
    second.emplace(std::initializer_list<int>{SIGUSR2});
    first.reset();
    BOOST_TEST(!blocked(SIGUSR1));
    BOOST_TEST(blocked(SIGUSR2));
}

BOOST_AUTO_TEST_CASE(what_others_have_blocked_stays_blocked_and_what_they_block_meanwhile_too,
                     *boost::unit_test::label("F-38"))
{
    sigset_t others;
    sigemptyset(&others);
    sigaddset(&others, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &others, nullptr);
    sigset_t later;
    sigemptyset(&later);
    sigaddset(&later, SIGWINCH);
    {
        const signal_set watched({SIGUSR1, SIGUSR2});
        pthread_sigmask(SIG_BLOCK, &later, nullptr);
    }
    BOOST_TEST(blocked(SIGUSR1));
    BOOST_TEST(!blocked(SIGUSR2));
    BOOST_TEST(blocked(SIGWINCH));
    pthread_sigmask(SIG_UNBLOCK, &others, nullptr);
    pthread_sigmask(SIG_UNBLOCK, &later, nullptr);
}

BOOST_AUTO_TEST_CASE(numbers_that_no_signal_has_are_refused, *boost::unit_test::label("F-41"))
{
    for (const int number : {0, -1, 65, 1000, SIGKILL, SIGSTOP})
        BOOST_CHECK_THROW(signal_set({number}), std::invalid_argument);
    BOOST_TEST(!blocked(SIGUSR1));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
