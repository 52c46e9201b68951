#pragma once

#include <coil/runtime/internal/waiter.hpp>
#include <coil/runtime/result.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace coil {

class semaphore;

namespace internal {

class acquire_wait;

}  // namespace internal

/// A number of permits: who wants one while none is left waits, and is served in the order of coming.
///
/// ```
/// coil::semaphore at_most_eight(8);
/// auto permit = co_await at_most_eight.acquire();   // given back when `permit` goes out of scope
/// ```
/// A permit that was granted to a coroutine whose frame is destroyed before it went on goes to the next in the queue.
/// Lifetime: beyond that of its permits; those who still wait when it is destroyed get `errc::destroyed`. Thread: one loop.
class semaphore {
public:
    explicit semaphore(std::size_t permits) noexcept : available_(permits) {}
    semaphore(const semaphore&) = delete;
    semaphore& operator=(const semaphore&) = delete;
    ~semaphore()
    {
        internal::end_all(waiting_, errc::destroyed);
        internal::end_all(granted_, errc::destroyed);
    }

    /// A permit that is held. It is given back when it is destroyed.
    class [[nodiscard]] permit {
    public:
        permit(permit&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
        permit& operator=(permit&& other) noexcept
        {
            if (this != &other) {
                release();
                of_ = std::exchange(other.of_, nullptr);
            }
            return *this;
        }
        ~permit() { release(); }

        /// Gives it back now.
        void release() noexcept
        {
            if (of_)
                std::exchange(of_, nullptr)->release();
        }
        /// Does not give it back at all: somebody else calls `semaphore::release` for it.
        void forget() noexcept { of_ = nullptr; }

    private:
        friend class semaphore;
        friend class internal::acquire_wait;
        explicit permit(semaphore* of) noexcept : of_(of) {}

        semaphore* of_;
    };

    /// Waits for a permit.
    /// Errors: `errc::canceled`, `errc::destroyed`.
    internal::awaitable<internal::acquire_wait, semaphore*> acquire() noexcept;

    /// A permit if one is left.
    std::optional<permit> try_acquire() noexcept
    {
        if (available_ == 0)
            return std::nullopt;
        --available_;
        return permit(this);
    }

    /// Adds permits, which those who wait get first.
    void release(std::size_t permits = 1) noexcept
    {
        for (; permits > 0 && !waiting_.empty(); --permits)
            waiting_.front().grant(granted_);
        available_ += permits;
    }

    /// Permits that nobody holds.
    std::size_t available() const noexcept { return available_; }

private:
    friend class internal::acquire_wait;

    std::size_t available_;
    internal::waiter_queue waiting_{"a semaphore or mutex"};
    internal::list<internal::waiter> granted_;
};

namespace internal {

class acquire_wait : public waiter {
public:
    explicit acquire_wait(semaphore* of) noexcept : of_(of) {}
    ~acquire_wait() override
    {
        if (take_grant())
            of_->release();
    }

    result<semaphore::permit> await_resume() noexcept
    {
        take_grant();
        if (outcome() != errc{})
            return outcome();
        return semaphore::permit(of_);
    }

private:
    bool start() noexcept override
    {
        if (of_->available_ == 0)
            return queue_in(of_->waiting_);
        --of_->available_;
        return end_now();
    }

    semaphore* of_;
};

}  // namespace internal

inline internal::awaitable<internal::acquire_wait, semaphore*> semaphore::acquire() noexcept
{
    return internal::awaitable<internal::acquire_wait, semaphore*>(this);
}

}  // namespace coil
