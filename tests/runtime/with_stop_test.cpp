#include <coil/runtime/with_stop.hpp>

#include "tests/support/awaitable_conformance.hpp"

#include <coil/runtime/cancel.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <optional>
#include <system_error>

namespace {

using namespace coil;
using namespace coil::test;

struct with_stop_case {
    static constexpr bool at_once = true;

    task<result<>> wait()
    {
        const result<> got = co_await with_stop(other.token(), subject.wait());
        co_return got;
    }
    void complete() { subject.set(); }
    void check_unused() {}

    stop_source other;
    event subject;
};

task<> pause()
{
    for (int pass = 0; pass < 4; ++pass)
        co_await this_task::yield();
}

task<> wait_with(stop_token token, event& what, std::optional<std::error_code>& outcome)
{
    const result<> got = co_await with_stop(token, what.wait());
    outcome = got.error();
}

BOOST_AUTO_TEST_SUITE(with_stop_test)

BOOST_AUTO_TEST_CASE(waiting_with_another_token_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<with_stop_case>::check("with_stop");
}

BOOST_AUTO_TEST_CASE(either_of_the_two_tokens_stops_it, *boost::unit_test::label("stop model"))
{
    loop here;
    const auto body = []() -> task<> {
        event never;
        stop_source given;
        std::optional<std::error_code> by_given;
        std::optional<std::error_code> by_caller;
        scope one;
        one.spawn(wait_with(given.token(), never, by_given));
        co_await pause();
        BOOST_TEST(!by_given.has_value());
        given.request_stop();
        co_await one.join();
        BOOST_TEST((by_given == make_error_code(errc::canceled)));

        stop_source other;
        scope two;
        two.spawn(wait_with(other.token(), never, by_caller));
        co_await pause();
        two.request_stop();
        co_await two.join();
        BOOST_TEST((by_caller == make_error_code(errc::canceled)));
        other.request_stop();  // nobody listens any more
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_token_that_was_stopped_before_ends_it_at_once_and_one_without_a_source_never)
{
    loop here;
    const auto body = []() -> task<> {
        event never;
        stop_source stopped;
        stopped.request_stop();
        std::optional<std::error_code> outcome;
        co_await wait_with(stopped.token(), never, outcome);
        BOOST_TEST((outcome == make_error_code(errc::canceled)));
        event ready;
        ready.set();
        co_await wait_with(stop_token(), ready, outcome);
        BOOST_TEST((outcome == std::error_code()));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(what_comes_afterwards_is_not_stopped_by_the_token)
{
    loop here;
    const auto body = []() -> task<> {
        event never;
        event ready;
        ready.set();
        stop_source stopped;
        stopped.request_stop();
        const result<> first = co_await with_stop(stopped.token(), never.wait());
        BOOST_TEST(first.error() == make_error_code(errc::canceled));
        const result<> second = co_await ready.wait();
        BOOST_TEST(second.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
