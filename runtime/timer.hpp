#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/timers.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <utility>

namespace coil {

namespace internal {

class sleep_wait final : public single_wait, private timer_node {
public:
    explicit sleep_wait(std::chrono::steady_clock::time_point until) noexcept : until_(until) {}

    result<> await_resume() const noexcept { return outcome_result(); }

private:
    bool start() override;
    void expire() noexcept override { end(); }
    void stopped() noexcept override;

    std::chrono::steady_clock::time_point until_;
};

/// Requests a stop when a point in time has come, or when the outer token is stopped.
class deadline final : private timer_node {
public:
    deadline(std::chrono::steady_clock::time_point when, stop_token outer);

    stop_token token() noexcept { return source_.token(); }
    /// Whether the time came before anything else.
    bool passed() const noexcept { return passed_; }

private:
    void expire() noexcept override;

    stop_source source_;
    bool passed_ = false;
};

}  // namespace internal

namespace internal {

/// The point in time that is `duration` away on this thread's loop; the last there is where it lies behind that.
std::chrono::steady_clock::time_point time_from_now(std::chrono::nanoseconds duration) noexcept;

/// `duration` in nanoseconds; the most or the least that these can be where it is beyond them.
template <class Rep, class Period>
    requires std::convertible_to<std::chrono::duration<Rep, Period>, std::chrono::nanoseconds>
constexpr std::chrono::nanoseconds in_nanoseconds(std::chrono::duration<Rep, Period> duration) noexcept
{
    using std::chrono::nanoseconds;
    using wide = std::chrono::duration<std::int64_t, Period>;
    if (wide(duration) > std::chrono::duration_cast<wide>(nanoseconds::max()))
        return nanoseconds::max();
    if (wide(duration) < std::chrono::duration_cast<wide>(nanoseconds::min()))
        return nanoseconds::min();
    return duration;
}

}  // namespace internal

/// Waits until `when`; not at all where that is past, and for ever where it is the last point in time there is.
/// Errors: `errc::canceled`.
inline internal::awaitable<internal::sleep_wait, std::chrono::steady_clock::time_point>
sleep_until(std::chrono::steady_clock::time_point when) noexcept
{
    return internal::awaitable<internal::sleep_wait, std::chrono::steady_clock::time_point>(when);
}

/// Waits for `duration`, counted from the call. Any duration will do: a negative one is over at once.
/// Errors: `errc::canceled`.
template <class Rep, class Period>
internal::awaitable<internal::sleep_wait, std::chrono::steady_clock::time_point>
sleep_for(std::chrono::duration<Rep, Period> duration) noexcept
{
    return sleep_until(internal::time_from_now(internal::in_nanoseconds(duration)));
}

/// Awaits `awaitable`, which gives a `result`, and stops it when `when` has come.
///
/// It always waits until the operation has ended, and a success that came with the stop is still a success: no byte is
/// lost to a deadline.
/// @return what the operation gave; `errc::timed_out` where it ended with `errc::canceled` because of the deadline.
template <class Awaitable>
    requires is_result<await_result<Awaitable&>>
task<await_result<Awaitable&>> with_deadline(std::chrono::steady_clock::time_point when, Awaitable awaitable)
{
    const stop_token outer = co_await this_task::stop_token();
    internal::deadline limit(when, outer);
    co_await internal::use_stop_token(limit.token());
    await_result<Awaitable&> outcome = co_await awaitable;
    if (limit.passed() && outcome.error() == errc::canceled)
        outcome = internal::timed_out(outcome);
    co_return outcome;
}

/// The same with the time counted from the call. Any duration will do: a negative one is over at once.
template <class Rep, class Period, class Awaitable>
    requires is_result<await_result<Awaitable&>>
task<await_result<Awaitable&>> with_timeout(std::chrono::duration<Rep, Period> limit, Awaitable awaitable)
{
    return with_deadline(internal::time_from_now(internal::in_nanoseconds(limit)), std::move(awaitable));
}

}  // namespace coil
