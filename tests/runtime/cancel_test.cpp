#include <coil/runtime/cancel.hpp>

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>

namespace {

using namespace coil;
using internal::stop_callback;

void count(void* counter) noexcept
{
    ++*static_cast<int*>(counter);
}

BOOST_AUTO_TEST_SUITE(cancel_test)

BOOST_AUTO_TEST_CASE(a_token_without_a_source_is_never_stopped)
{
    const stop_token none;
    BOOST_TEST(!none.stop_possible());
    BOOST_TEST(!none.stop_requested());
    int calls = 0;
    stop_callback callback(&count, &calls);
    none.attach(callback);
    BOOST_TEST(!callback.linked());
}

BOOST_AUTO_TEST_CASE(a_stop_reaches_every_callback_once)
{
    stop_source source;
    int calls = 0;
    stop_callback first(&count, &calls);
    stop_callback second(&count, &calls);
    source.token().attach(first);
    source.token().attach(second);
    source.request_stop();
    source.request_stop();
    BOOST_TEST(calls == 2);
    BOOST_TEST(source.token().stop_requested());
    BOOST_TEST(!first.linked());
}

BOOST_AUTO_TEST_CASE(a_callback_that_left_is_not_called)
{
    stop_source source;
    int calls = 0;
    {
        stop_callback destroyed(&count, &calls);
        source.token().attach(destroyed);
    }
    stop_callback unlinked(&count, &calls);
    source.token().attach(unlinked);
    unlinked.unlink();
    source.request_stop();
    BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(callbacks_outlive_their_source)
{
    int calls = 0;
    stop_callback callback(&count, &calls);
    {
        stop_source source;
        source.token().attach(callback);
    }
    BOOST_TEST(!callback.linked());
    BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(stops_go_down_a_chain_and_not_up)
{
    stop_source top;
    stop_source middle(top.token());
    stop_source bottom(middle.token());
    stop_source aside(top.token());
    middle.request_stop();
    BOOST_TEST(bottom.stop_requested());
    BOOST_TEST(!top.stop_requested());
    BOOST_TEST(!aside.stop_requested());
    top.request_stop();
    BOOST_TEST(aside.stop_requested());
}

BOOST_AUTO_TEST_CASE(following_a_stopped_token_stops)
{
    stop_source top;
    top.request_stop();
    const stop_source late(top.token());
    BOOST_TEST(late.stop_requested());
}

BOOST_AUTO_TEST_CASE(a_source_follows_one_token_at_a_time)
{
    stop_source first;
    stop_source second;
    stop_source follower(first.token());
    follower.follow(second.token());
    first.request_stop();
    BOOST_TEST(!follower.stop_requested());
    second.request_stop();
    BOOST_TEST(follower.stop_requested());
}

task<bool> sees_stop()
{
    const stop_token token = co_await this_task::stop_token();
    co_return token.stop_requested();
}

BOOST_AUTO_TEST_CASE(tasks_inherit_the_token_of_who_awaits_them)
{
    loop here;
    stop_source source;
    const auto body = [&]() -> task<> {
        const bool before = co_await sees_stop();
        BOOST_TEST(!before);
        co_await internal::use_stop_token(source.token());
        source.request_stop();
        const bool after = co_await sees_stop();
        BOOST_TEST(after);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_stop_ends_this_wait_and_every_later_one)
{
    loop here;
    stop_source source;
    const auto body = [&]() -> task<> {
        co_await internal::use_stop_token(source.token());
        here.post([&] { source.request_stop(); });
        const result<> slept = co_await sleep_for(std::chrono::hours(1));
        BOOST_TEST(slept.error() == make_error_code(errc::canceled));
        const result<> again = co_await sleep_for(std::chrono::hours(1));
        BOOST_TEST(again.error() == make_error_code(errc::canceled));
    };
    here.run(body());
    BOOST_TEST(here.stats().timers == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
