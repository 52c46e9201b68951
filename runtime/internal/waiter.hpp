#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/list.hpp>
#include <coil/runtime/internal/misuse.hpp>

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
class waiter : public single_wait, public list_hook<waiter> {
public:
    /// Leaves its queue and resumes the coroutine in the loop's next pass. @param why  none for success.
    void end(errc why = errc{}) noexcept
    {
        if (take_grant())
            end_now(why);  // it is on its way, and what it was granted is gone
        else
            single_wait::end(why);
    }

    /// The same with success for something that the coroutine takes when it goes on. Until then it stands in `granted`,
    /// so that the grant is neither lost with the coroutine nor made good by what no longer exists.
    void grant(list<waiter>& granted) noexcept
    {
        list_hook<waiter>::unlink();
        granted.push_back(*this);
        single_wait::end();
    }

protected:
    waiter() noexcept = default;
    ~waiter() override = default;

    /// Goes to the end of `queue`. @return true, for `start`.
    bool queue_in(waiter_queue& queue) noexcept
    {
        queue.check_thread();
        queue.push_back(*this);
        return true;
    }

    /// Takes note that the coroutine goes on, or that it never will. @return whether it was granted something.
    bool take_grant() noexcept
    {
        const bool granted =
            list_hook<waiter>::linked() && outcome() == errc{};  // it waits as one that may be canceled
        list_hook<waiter>::unlink();
        return granted;
    }

    void stopped() noexcept override { end(errc::canceled); }
};

/// Ends all waits in `queue`.
inline void end_all(list<waiter>& queue, errc why = errc{}) noexcept
{
    while (!queue.empty())
        queue.front().end(why);
}

}  // namespace coil::internal
