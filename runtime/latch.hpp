#pragma once

#include <coil/runtime/event.hpp>

#include <cassert>
#include <cstddef>

namespace coil {

/// A number that is counted down, and coroutines that wait until it is zero.
///
/// Lifetime: those who still wait when it is destroyed get `errc::destroyed`. Thread: one loop.
class latch {
public:
    explicit latch(std::size_t expected) noexcept : expected_(expected), zero_(expected == 0) {}

    /// @param by  at most what is left.
    void count_down(std::size_t by = 1) noexcept
    {
        assert(by <= expected_ && "a latch is counted down below zero");
        expected_ -= by;
        if (expected_ == 0)
            zero_.set();
    }
    /// Whether it is zero.
    bool try_wait() const noexcept { return expected_ == 0; }

    /// Waits until it is zero.
    /// Errors: `errc::canceled`, `errc::destroyed`.
    internal::awaitable<internal::event_wait, event*> wait() noexcept { return zero_.wait(); }

private:
    std::size_t expected_;
    event zero_;
};

}  // namespace coil
