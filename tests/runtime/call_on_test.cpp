#include <coil/runtime/call_on.hpp>

#include "tests/support/awaitable_conformance.hpp"
#include "tests/support/child_end.hpp"
#include "tests/support/loop_thread.hpp"

#include <coil/runtime/event.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

const std::error_code canceled = errc::canceled;
const std::error_code destroyed = errc::destroyed;

/// Calls of a coroutine that waits for an event of the other loop.
struct remote_wait_case {
    static constexpr bool at_once = false;

    remote_wait_case() : ready(std::make_shared<event>()) {}
    /// The event belongs to the other loop; its frames go first.
    ~remote_wait_case() { other.end(); }

    static task<result<>> wait_there(std::shared_ptr<event> of, std::atomic<int>& running)
    {
        ++running;
        const result<> got = co_await of->wait();
        --running;
        co_return got;
    }
    task<result<>> wait()
    {
        auto calling = call_on(other.handle(), [of = ready, this] { return wait_there(of, running); });
        const result<> got = co_await calling;
        co_return got;
    }
    void complete()
    {
        other.handle().post([of = ready] { of->set(); });
    }
    void check_unused()
    {
        for (int attempt = 0; running > 0 && attempt < 10000; ++attempt)
            std::this_thread::sleep_for(1ms);
        BOOST_TEST(running == 0);
    }

    std::shared_ptr<event> ready;
    std::atomic<int> running = 0;
    loop_thread other;
};

BOOST_AUTO_TEST_SUITE(call_on_test)

BOOST_AUTO_TEST_CASE(calling_on_another_loop_conforms)
{
    awaitable_conformance<remote_wait_case>::check("call_on");
}

BOOST_AUTO_TEST_CASE(functions_and_coroutines_run_there_and_their_values_come_home)
{
    loop_thread other;
    loop here;
    const auto body = [&]() -> task<> {
        const auto home = std::this_thread::get_id();
        std::thread::id there;
        auto function = call_on(other.handle(), [&there] {
            there = std::this_thread::get_id();
            return std::make_unique<int>(5);
        });
        const result<std::unique_ptr<int>> five = co_await function;
        BOOST_TEST(**five == 5);
        BOOST_TEST((there != home));
        BOOST_TEST((std::this_thread::get_id() == home));

        const auto sleeping = []() -> task<std::string> {
            const result<> slept = co_await sleep_for(1ms);
            slept.value();
            co_return "slept";
        };
        const result<std::string> text = co_await call_on(other.handle(), sleeping);
        BOOST_TEST(*text == "slept");

        const auto failing = []() -> task<result<int>> { co_return errc::reset; };
        const result<int> failed = co_await call_on(other.handle(), failing);
        BOOST_TEST(failed.error() == make_error_code(errc::reset));

        const auto nothing = []() -> task<> { co_return; };
        const result<> done = co_await call_on(other.handle(), nothing);
        BOOST_TEST(done.has_value());
        const result<> plain = co_await call_on(other.handle(), [] {});
        BOOST_TEST(plain.has_value());
        const result<int> own = co_await call_on(here, [] { return 3; });
        BOOST_TEST(*own == 3);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(exceptions_come_home)
{
    loop_thread other;
    loop here;
    const auto body = [&]() -> task<> {
        const auto function = []() -> int { throw std::runtime_error("function"); };
        const auto coroutine = []() -> task<int> {
            co_await this_task::yield();
            throw std::runtime_error("coroutine");
        };
        std::vector<std::string> thrown;
        try {
            const result<int> never = co_await call_on(other.handle(), function);
            BOOST_TEST(!never.has_value());
        } catch (const std::runtime_error& error) {
            thrown.push_back(error.what());
        }
        try {
            const result<int> never = co_await call_on(other.handle(), coroutine);
            BOOST_TEST(!never.has_value());
        } catch (const std::runtime_error& error) {
            thrown.push_back(error.what());
        }
        BOOST_TEST(thrown == (std::vector<std::string>{"function", "coroutine"}), boost::test_tools::per_element());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_loop_that_is_gone_says_so)
{
    loop here;
    std::optional<loop_handle> gone;
    {
        loop_thread other;
        gone = other.handle();
    }
    const auto body = [&]() -> task<> {
        const result<int> never = co_await call_on(*gone, [] { return 1; });
        BOOST_TEST(never.error() == destroyed);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_loop_that_goes_meanwhile_destroys_the_call_and_says_so)
{
    loop here;
    const auto body = [&]() -> task<> {
        loop_thread other;
        const auto held = std::make_shared<int>(1);
        const auto holding = [](std::shared_ptr<int> what) -> task<int> {
            const result<> slept = co_await sleep_for(24h);
            co_return slept.has_value() ? *what : -1;
        };
        std::optional<result<int>> got;
        scope waiting;
        const auto wait = [&]() -> task<> {
            auto calling = call_on(other.handle(), [&holding, held] { return holding(held); });
            const result<int> outcome = co_await calling;
            got.emplace(outcome);
        };
        waiting.spawn(wait());
        while (held.use_count() < 3)
            co_await this_task::yield();
        other.end();
        co_await waiting.join();
        BOOST_REQUIRE(got.has_value());
        BOOST_TEST(got->error() == destroyed);
        BOOST_TEST(held.use_count() == 1);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(the_home_loop_may_go_before_the_answer)
{
    loop_thread other;
    std::atomic<bool> begun = false;
    std::atomic<bool> may_end = false;
    const auto held = std::make_shared<int>(1);
    {
        loop here;
        const auto asking = [&]() -> task<> {
            auto calling = call_on(other.handle(), [&begun, &may_end, held] {
                begun = true;
                while (!may_end)
                    std::this_thread::yield();
                return held;
            });
            const result<std::shared_ptr<int>> never = co_await calling;
            BOOST_TEST(!never.has_value());
        };
        scope abandoned;
        abandoned.spawn(asking());
        const auto body = [&]() -> task<> {
            while (!begun)
                co_await this_task::yield();
        };
        here.run(body());
    }
    may_end = true;
    other.end();
    BOOST_TEST(held.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(a_call_that_was_stopped_before_it_began_is_not_made)
{
    loop_thread other;
    loop here;
    const auto body = [&]() -> task<> {
        std::atomic<bool> blocked = true;
        std::atomic<bool> made = false;
        other.handle().post([&] {
            while (blocked)
                std::this_thread::yield();
        });
        scope waiting;
        const auto wait = [&]() -> task<> {
            auto calling = call_on(other.handle(), [&] { made = true; });
            const result<> never = co_await calling;
            BOOST_TEST(never.error() == canceled);
        };
        waiting.spawn(wait());
        co_await this_task::yield();
        co_await this_task::yield();
        waiting.request_stop();
        co_await waiting.join();  // although the other loop is busy
        blocked = false;
        const result<> later = co_await call_on(other.handle(), [] {});
        BOOST_TEST(later.has_value());
        BOOST_TEST(!made);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(many_calls_back_and_forth_lose_nothing)
{
    constexpr int calls = 20000;
    loop_thread left;
    loop_thread right;
    const auto calling = [](const loop_handle& there) -> task<int> {
        int sum = 0;
        for (int call = 0; call < calls; ++call) {
            const auto identity = [call] { return call; };
            const result<int> got = co_await call_on(there, identity);
            sum += got.has_value() && *got == call;
        }
        co_return sum;
    };
    loop here;
    const auto body = [&]() -> task<> {
        std::vector<int> sums(2);
        scope both;
        const auto one_way = [&](const loop_handle& from, const loop_handle& to, int& sum) -> task<> {
            const auto start = [&] { return calling(to); };
            const result<int> got = co_await call_on(from, start);
            sum = got ? *got : -1;
        };
        both.spawn(one_way(left.handle(), right.handle(), sums[0]));
        both.spawn(one_way(right.handle(), left.handle(), sums[1]));
        co_await both.join();
        BOOST_TEST(sums == (std::vector{calls, calls}), boost::test_tools::per_element());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_thread_without_a_loop_gets_a_future, *boost::unit_test::label("F-42"))
{
    loop_thread other;
    std::thread::id there;
    auto made = call_on(
        other.handle(),
        [&there, number = std::make_unique<int>(5)]() mutable {
            there = std::this_thread::get_id();
            return std::move(number);
        },
        use_future);
    const result<std::unique_ptr<int>> five = made.get();
    BOOST_TEST(**five == 5);
    BOOST_TEST((there != std::this_thread::get_id()));

    const auto sleeping = []() -> task<std::string> {
        const result<> slept = co_await sleep_for(1ms);
        slept.value();
        co_return "slept";
    };
    BOOST_TEST(*call_on(other.handle(), sleeping, use_future).get() == "slept");
    const auto failing = []() -> task<result<int>> { co_return errc::reset; };
    BOOST_TEST(call_on(other.handle(), failing, use_future).get().error() == make_error_code(errc::reset));
    const auto nothing = []() -> task<> { co_await this_task::yield(); };
    BOOST_TEST(call_on(other.handle(), nothing, use_future).get().has_value());
    BOOST_TEST(call_on(other.handle(), [] {}, use_future).get().has_value());
    const auto throwing = []() -> int { throw std::runtime_error("there"); };
    BOOST_CHECK_THROW(static_cast<void>(call_on(other.handle(), throwing, use_future).get()), std::runtime_error);
    const auto throwing_later = []() -> task<> {
        co_await this_task::yield();
        throw std::runtime_error("there");
    };
    BOOST_CHECK_THROW(static_cast<void>(call_on(other.handle(), throwing_later, use_future).get()), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(the_future_tells_when_the_loop_is_gone_or_goes, *boost::unit_test::label("F-42"))
{
    loop_thread other;
    const auto begun = std::make_shared<std::atomic<bool>>(false);
    const auto waiting = [begun]() -> task<int> {
        *begun = true;
        const result<> slept = co_await sleep_for(24h);
        co_return slept.has_value();
    };
    auto pending = call_on(other.handle(), waiting, use_future);
    while (!*begun)
        std::this_thread::yield();
    other.end();
    BOOST_TEST(pending.get().error() == destroyed);
    BOOST_TEST(call_on(other.handle(), [] { return 1; }, use_future).get().error() == destroyed);
}

BOOST_AUTO_TEST_CASE(awaiting_it_without_a_loop_stops_the_program_with_advice, *boost::unit_test::label("F-42"))
{
    loop_thread other;
    BOOST_TEST(stops_with("coil::use_future", [&] {
        const auto call = [] { return 1; };
        auto calling = call_on(other.handle(), call);
        static_cast<void>(calling.operator co_await());
    }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
