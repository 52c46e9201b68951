#pragma once

#include <coil/runtime/semaphore.hpp>

#include <optional>
#include <utility>

namespace coil {

class mutex;

namespace internal {

class lock_wait;

}  // namespace internal

/// Lets one coroutine at a time through, in the order of coming, also across its suspensions.
///
/// ```
/// auto locked = co_await mutex.lock();   // until `locked` goes out of scope
/// ```
/// A lock that was passed to a coroutine whose frame is destroyed before it went on goes to the next in the queue.
/// Lifetime: beyond that of its guards; those who still wait when it is destroyed get `errc::destroyed`. Thread: one loop.
class mutex {
public:
    /// The lock that is held. It is unlocked when it is destroyed.
    class [[nodiscard]] guard {
    public:
        /// Unlocks now.
        void unlock() noexcept { held_.release(); }

    private:
        friend class mutex;
        friend class internal::lock_wait;
        explicit guard(semaphore::permit held) noexcept : held_(std::move(held)) {}

        semaphore::permit held_;
    };

    mutex() noexcept : free_(1) {}

    /// Waits until the mutex is free and locks it.
    /// Errors: `errc::canceled`, `errc::destroyed`.   Overlap: a coroutine that holds the lock and asks again waits for ever.
    internal::awaitable<internal::lock_wait, semaphore*> lock() noexcept;

    /// The lock if it is free.
    std::optional<guard> try_lock() noexcept
    {
        std::optional<semaphore::permit> taken = free_.try_acquire();
        if (!taken)
            return std::nullopt;
        return guard(std::move(*taken));
    }

    bool locked() const noexcept { return free_.available() == 0; }

private:
    semaphore free_;
};

namespace internal {

class lock_wait final : public acquire_wait {
public:
    using acquire_wait::acquire_wait;

    result<mutex::guard> await_resume() noexcept
    {
        result<semaphore::permit> taken = acquire_wait::await_resume();
        if (!taken)
            return taken.error();
        return mutex::guard(std::move(*taken));
    }
};

}  // namespace internal

inline internal::awaitable<internal::lock_wait, semaphore*> mutex::lock() noexcept
{
    return internal::awaitable<internal::lock_wait, semaphore*>(&free_);
}

}  // namespace coil
