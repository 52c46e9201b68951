#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/list.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/result.hpp>

#include <coroutine>
#include <cstdint>

namespace coil::internal {

class waiter;

/// Those who wait for an event, a semaphore or a channel.
class waiter_queue : public list<waiter> {
public:
    /// @param of  what they wait for, for messages.
    explicit waiter_queue(const char* of) noexcept : thread_(of) {}

    /// Stops the program on another thread than that of those who waited first.
    void check_thread() noexcept { thread_.check(); }

private:
    [[no_unique_address]] thread_mark thread_;
};

/// A coroutine that stands in the queue of an event, a semaphore or a channel.
///
/// It needs no memory but its own, leaves the queue when its frame is destroyed, and is told once how its wait ended:
/// whichever of grant, stop and destruction of what it waits for comes first.
class waiter : public stoppable_wait, public list_hook<waiter> {
public:
    bool await_ready() const noexcept { return false; }

    /// Leaves its queue and resumes the coroutine in the loop's next pass. @param why  none for success.
    void end(errc why = errc{}) noexcept
    {
        list_hook<waiter>::unlink();
        outcome_ = why;
        if (state_ == state::waiting)
            resume_later();
        state_ = state::over;
    }

    /// The same with success for something that the coroutine takes when it goes on. Until then it stands in `granted`,
    /// so that the grant is neither lost with the coroutine nor made good by what no longer exists.
    void grant(list<waiter>& granted) noexcept
    {
        list_hook<waiter>::unlink();
        granted.push_back(*this);
        state_ = state::granted;
        resume_later();
    }

protected:
    waiter() noexcept = default;
    ~waiter() override = default;

    /// Goes to the end of `queue`. @return true, for `await_suspend`.
    bool queue_in(waiter_queue& queue, std::coroutine_handle<> awaiting, stop_token token) noexcept
    {
        queue.check_thread();
        queue.push_back(*this);
        state_ = state::waiting;
        wait_with(awaiting, token);
        return true;
    }
    /// The wait is over before it began. @return false, for `await_suspend`.
    bool end_now(errc why) noexcept
    {
        outcome_ = why;
        return false;
    }

    /// Takes note that the coroutine goes on, or that it never will. @return whether it was granted something.
    bool take_grant() noexcept
    {
        list_hook<waiter>::unlink();
        const bool granted = state_ == state::granted;
        state_ = state::over;
        return granted;
    }

    void stopped() noexcept override { end(errc::canceled); }

    /// How the wait ended; none for success.
    errc outcome() const noexcept { return outcome_; }
    result<> outcome_result() const noexcept { return outcome_ == errc{} ? result<>() : result<>(outcome_); }

private:
    enum class state : std::uint8_t { over, waiting, granted };

    errc outcome_{};
    state state_ = state::over;
};

/// Ends all waits in `queue`.
inline void end_all(list<waiter>& queue, errc why = errc{}) noexcept
{
    while (!queue.empty())
        queue.front().end(why);
}

}  // namespace coil::internal
