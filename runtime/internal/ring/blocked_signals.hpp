#pragma once

#include <span>

#include <signal.h>

namespace coil::internal {

/// Signals of this thread, and of those that it starts, that are blocked for as long as this exists.
///
/// Several may block the same signal and go in any order: each unblocks only what it has blocked and nobody else blocks.
/// Thread: that which made it.
class blocked_signals {
public:
    /// Throws: `std::invalid_argument` for a number that is no signal or one that cannot be caught.
    explicit blocked_signals(std::span<const int> numbers);
    blocked_signals(const blocked_signals&) = delete;
    blocked_signals& operator=(const blocked_signals&) = delete;
    ~blocked_signals() { unblock(); }

    const sigset_t& set() const noexcept { return set_; }
    /// Before it is destroyed. Idempotent.
    void unblock() noexcept;

private:
    sigset_t set_;
};

}  // namespace coil::internal
