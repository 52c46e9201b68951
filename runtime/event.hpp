#pragma once

#include <coil/runtime/internal/waiter.hpp>
#include <coil/runtime/result.hpp>

namespace coil {

class event;

namespace internal {

class event_wait final : public waiter {
public:
    explicit event_wait(event* of) noexcept : of_(of) {}

    result<> await_resume() const noexcept { return outcome_result(); }

private:
    bool start() noexcept override;

    event* of_;
};

}  // namespace internal

/// Something that happens once and that any number of coroutines wait for, until it is reset.
///
/// Lifetime: those who still wait when it is destroyed get `errc::destroyed`. Thread: one loop.
class event {
public:
    explicit event(bool is_set = false) noexcept : is_set_(is_set) {}
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    ~event() { internal::end_all(waiting_, errc::destroyed); }

    /// From now on nobody has to wait, and those who waited go on in the order in which they came.
    void set() noexcept
    {
        is_set_ = true;
        internal::end_all(waiting_);
    }
    /// From now on everybody has to wait again.
    void reset() noexcept { is_set_ = false; }
    bool is_set() const noexcept { return is_set_; }

    /// Waits until the event is set; does not wait where it is.
    /// Errors: `errc::canceled`, `errc::destroyed`.
    internal::awaitable<internal::event_wait, event*> wait() noexcept
    {
        return internal::awaitable<internal::event_wait, event*>(this);
    }

private:
    friend class internal::event_wait;

    bool is_set_;
    internal::waiter_queue waiting_{"an event"};
};

namespace internal {

inline bool event_wait::start() noexcept
{
    return of_->is_set_ ? end_now() : queue_in(of_->waiting_);
}

}  // namespace internal
}  // namespace coil
