#pragma once

#include "tests/support/process_counts.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace coil::test {

/// What every awaitable of coil keeps to, checked once for all of them.
///
/// A `Case` is default constructible and has
///   `task<result<>> wait()`  a coroutine that awaits it;
///   `void complete()`        lets one wait that is pending, or the next one, come to its end;
///   `bool at_once`           (constant) whether that end is decided when `complete` returns, so that a later stop is too late;
///   `void check_unused()`    checks that what `complete` granted to a coroutine that is gone was not lost;
///   `bool exclusive`         (constant, may be left out) whether one coroutine at a time may wait;
///   `bool prompt`            (constant, may be left out) whether a wait may end by itself before `complete` is called.
template <class Case>
class awaitable_conformance {
public:
    /// @param names  what is awaited, without `coil::`: tests/house_rules looks for every awaitable here.
    template <class... Names>
    static void check(const Names&... names)
    {
        static_assert(sizeof...(names) > 0);
        const std::string what = ((std::string(names) + " ") + ...);
        BOOST_TEST_CONTEXT(what)
        {
            check_all();
        }
    }

private:
    static void check_all()
    {
        run("completes", [](Case& subject) { return completes(subject); });
        run("cancelled before it starts", [](Case& subject) { return cancelled_before_start(subject); });
        run("cancelled while pending", [](Case& subject) { return cancelled_while_pending(subject); });
        run("stopped just after completion", [](Case& subject) { return stopped_after_completion(subject); });
        run("completed just after a stop", [](Case& subject) { return completed_after_stop(subject); });
        run("honours a deadline", [](Case& subject) { return honours_a_deadline(subject); });
        run("frame destroyed while pending", [](Case& subject) { return destroyed_while_pending(subject); });
        run("frame destroyed when completed", [](Case& subject) { return destroyed_when_completed(subject); });
    }

    using outcome = std::optional<result<>>;

    static constexpr bool exclusive()
    {
        if constexpr (requires { Case::exclusive; })
            return Case::exclusive;
        else
            return false;
    }
    static constexpr bool prompt()
    {
        if constexpr (requires { Case::prompt; })
            return Case::prompt;
        else
            return false;
    }

    template <class Scenario>
    static void run(const char* name, Scenario scenario)
    {
        BOOST_TEST_CONTEXT(name)
        {
            loop here;
            here.run(scenario_and_counts(scenario));
        }
    }

    template <class Scenario>
    static task<> scenario_and_counts(Scenario& scenario)
    {
        const process_counts before = process_counts::now();
        {
            const auto subject = std::make_unique<Case>();
            co_await scenario(*subject);
        }
        co_await counts_return_to(before);
    }

    static task<> keep_outcome(Case& subject, outcome& into)
    {
        const result<> got = co_await subject.wait();
        into.emplace(got);
    }

    static task<> until_ended(const outcome& of)
    {
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!of && std::chrono::steady_clock::now() < give_up)
            co_await this_task::yield();
        BOOST_REQUIRE(of.has_value());
    }

    static task<> until_pending()
    {
        for (int pass = 0; pass < 4; ++pass)
            co_await this_task::yield();
    }

    static bool is_canceled(const outcome& what) { return what && what->error() == make_error_code(errc::canceled); }

    static task<> completes(Case& subject)
    {
        outcome first;
        outcome second;
        scope waiters;
        waiters.spawn(keep_outcome(subject, first));
        co_await until_pending();
        BOOST_TEST((prompt() || !first.has_value()));
        subject.complete();
        co_await until_ended(first);
        BOOST_TEST(first->has_value());
        subject.complete();
        waiters.spawn(keep_outcome(subject, second));
        co_await until_ended(second);
        BOOST_TEST(second->has_value());
        co_await waiters.join();
    }

    static task<> cancelled_before_start(Case& subject)
    {
        outcome got;
        scope waiters;
        waiters.request_stop();
        waiters.spawn(keep_outcome(subject, got));
        co_await waiters.join();
        BOOST_TEST(is_canceled(got));
    }

    static task<> cancelled_while_pending(Case& subject)
    {
        outcome got;
        outcome other;
        scope others;
        if (!exclusive())
            others.spawn(keep_outcome(subject, other));
        scope waiters;
        waiters.spawn(keep_outcome(subject, got));
        co_await until_pending();
        waiters.request_stop();
        co_await waiters.join();
        BOOST_TEST((is_canceled(got) || (prompt() && got && got->has_value())));
        BOOST_TEST((prompt() || !other.has_value()));
        if (exclusive())
            others.spawn(keep_outcome(subject, other));
        subject.complete();
        co_await until_ended(other);
        BOOST_TEST(other->has_value());
        co_await others.join();
    }

    static task<> stopped_after_completion(Case& subject)
    {
        outcome got;
        scope waiters;
        waiters.spawn(keep_outcome(subject, got));
        co_await until_pending();
        subject.complete();
        waiters.request_stop();
        co_await waiters.join();
        BOOST_REQUIRE(got.has_value());
        if (Case::at_once)
            BOOST_TEST(got->has_value());
        else
            BOOST_TEST((got->has_value() || is_canceled(got)));
    }

    static task<> completed_after_stop(Case& subject)
    {
        outcome got;
        scope waiters;
        waiters.spawn(keep_outcome(subject, got));
        co_await until_pending();
        waiters.request_stop();
        subject.complete();
        co_await waiters.join();
        BOOST_REQUIRE(got.has_value());
        BOOST_TEST((got->has_value() || is_canceled(got)));
        if (is_canceled(got))
            subject.check_unused();
    }

    static task<> honours_a_deadline(Case& subject)
    {
        const result<> late = co_await with_timeout(std::chrono::milliseconds(2), subject.wait());
        BOOST_TEST((late.error() == errc::timed_out || (prompt() && late)));
        subject.complete();
        const result<> in_time = co_await with_timeout(std::chrono::hours(1), subject.wait());
        BOOST_TEST(in_time.has_value());
    }

    static task<> destroyed_while_pending(Case& subject)
    {
        outcome got;
        outcome other;
        scope others;
        {
            scope waiters;
            waiters.spawn(keep_outcome(subject, got));
            if (!exclusive())
                others.spawn(keep_outcome(subject, other));
            co_await until_pending();
        }
        BOOST_TEST((prompt() || !other.has_value()));
        if (exclusive())
            others.spawn(keep_outcome(subject, other));
        subject.complete();
        co_await until_ended(other);
        BOOST_TEST(other->has_value());
        BOOST_TEST((prompt() || !got.has_value()));
        co_await others.join();
    }

    static task<> destroyed_when_completed(Case& subject)
    {
        outcome got;
        {
            scope waiters;
            waiters.spawn(keep_outcome(subject, got));
            co_await until_pending();
            subject.complete();
        }
        co_await until_pending();
        BOOST_TEST((prompt() || !got.has_value()));
        subject.check_unused();
    }
};

}  // namespace coil::test
