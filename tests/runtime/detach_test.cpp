#include <coil/runtime/detach.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace coil;

task<> count_after_yield(int& count)
{
    co_await this_task::yield();
    ++count;
}

task<> hold_for_ever(std::shared_ptr<int> held)
{
    const result<> slept = co_await sleep_for(std::chrono::hours(24));
    if (slept)
        ++*held;
}

task<> fail(std::string why)
{
    co_await this_task::yield();
    throw std::runtime_error(why);
}

BOOST_AUTO_TEST_SUITE(detach_test)

BOOST_AUTO_TEST_CASE(a_detached_task_starts_in_the_next_pass_and_ends_by_itself)
{
    loop here;
    int count = 0;
    const auto body = [&]() -> task<> {
        detach(count_after_yield(count));
        auto held = std::make_shared<int>(0);
        auto counting = [held, &count]() -> task<> {
            co_await this_task::yield();
            count += 1 + *held;
        };
        detach(std::move(counting));
        BOOST_TEST(count == 0);
        BOOST_TEST(held.use_count() == 2);
        for (int pass = 0; pass < 4; ++pass)
            co_await this_task::yield();
        BOOST_TEST(count == 2);
        BOOST_TEST(held.use_count() == 1);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(it_goes_on_in_a_later_run_and_is_destroyed_with_the_loop)
{
    const auto held = std::make_shared<int>(0);
    int count = 0;
    {
        loop here;
        const auto starting = [&]() -> task<> {
            detach(hold_for_ever(held));
            detach(count_after_yield(count));
            co_return;
        };
        here.run(starting());
        BOOST_TEST(count == 0);
        const auto waiting = [&]() -> task<> {
            while (count == 0)
                co_await this_task::yield();
        };
        here.run(waiting());
        BOOST_TEST(count == 1);
        BOOST_TEST(held.use_count() == 2);
    }
    BOOST_TEST(held.use_count() == 1);
    BOOST_TEST(*held == 0);
}

BOOST_AUTO_TEST_CASE(one_that_was_not_started_is_destroyed_with_the_loop)
{
    const auto held = std::make_shared<int>(0);
    {
        loop here;
        detach(hold_for_ever(held));
        BOOST_TEST(held.use_count() == 2);
    }
    BOOST_TEST(held.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(its_exception_goes_to_the_loop)
{
    loop here;
    std::string why;
    here.on_uncaught([&](std::exception_ptr exception) {
        try {
            std::rethrow_exception(std::move(exception));
        } catch (const std::runtime_error& error) {
            why = error.what();
        }
    });
    const auto body = [&]() -> task<> {
        detach(fail("nobody waits"));
        while (why.empty())
            co_await this_task::yield();
    };
    here.run(body());
    BOOST_TEST(why == "nobody waits");
}

BOOST_AUTO_TEST_CASE(an_exception_that_nobody_wants_stops_the_program)
{
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        ::close(STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL);
        loop here;
        const auto body = [&]() -> task<> {
            detach(fail("nobody waits"));
            const result<> slept = co_await sleep_for(std::chrono::seconds(20));
            slept.value();
        };
        here.run(body());
        std::_Exit(0);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST(WIFSIGNALED(status));
    BOOST_TEST(WTERMSIG(status) == SIGABRT);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
