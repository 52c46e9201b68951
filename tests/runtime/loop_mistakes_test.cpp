// What a loop does with calls and runs that go wrong.
#include <coil/runtime/loop.hpp>

#include "tests/support/child_end.hpp"

#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;

BOOST_AUTO_TEST_SUITE(loop_mistakes_test)

BOOST_AUTO_TEST_CASE(an_exception_of_a_posted_call_is_told, *boost::unit_test::label("F-41"))
{
    std::vector<std::string> told;
    {
        loop here;
        here.on_uncaught([&](const std::exception_ptr& what) {
            try {
                std::rethrow_exception(what);
            } catch (const std::exception& error) {
                told.push_back(error.what());
            }
        });
        bool later = false;
        here.post([] { throw std::runtime_error("posted"); });
        here.post([&] { later = true; });
        const auto body = [&]() -> task<> {
            while (!later)
                co_await this_task::yield();
        };
        here.run(body());
    }
    BOOST_TEST(told == std::vector<std::string>{"posted"}, boost::test_tools::per_element());
    BOOST_TEST(stops_with("an exception left a posted call: posted", [] {
        loop here;
        here.post([] { throw std::runtime_error("posted"); });
        const auto body = []() -> task<> { static_cast<void>(co_await sleep_for(std::chrono::hours(1))); };
        here.run(body());
    }));
}

BOOST_AUTO_TEST_CASE(a_run_inside_a_run_stops_the_program, *boost::unit_test::label("F-41"))
{
    BOOST_TEST(stops_with("loop::run is called in what the loop runs", [] {
        loop here;
        const auto inner = []() -> task<> { co_await this_task::yield(); };
        const auto outer = [&]() -> task<> {
            here.run(inner());
            co_return;
        };
        here.run(outer());
    }));
    loop here;
    const auto fails = []() -> task<> {
        throw std::runtime_error("failed");
        co_return;
    };
    BOOST_CHECK_THROW(here.run(fails()), std::runtime_error);
    const auto works = []() -> task<int> { co_return 1; };
    BOOST_TEST(here.run(works()) == 1);
}

BOOST_AUTO_TEST_CASE(an_empty_call_is_refused, *boost::unit_test::label("F-41"))
{
    loop here;
    BOOST_CHECK_THROW(here.post(nullptr), std::invalid_argument);
    BOOST_CHECK_THROW(here.handle().post({}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
