#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/ring/blocked_signals.hpp>
#include <coil/runtime/internal/ring/descriptors.hpp>
#include <coil/runtime/result.hpp>

#include <csignal>
#include <initializer_list>
#include <span>

namespace coil {

namespace internal {

class signal_wait final : public operation_wait {
public:
    explicit signal_wait(int descriptor) noexcept;
    result<int> await_resume() const noexcept;

private:
    arrived_signal arrived_{};
};

}  // namespace internal

/// Signals as something to await.
///
/// While it exists the signals are blocked in the thread that made it and in those that this thread starts later, so
/// make it before the other threads. Sets may overlap and go in any order: each unblocks what no other blocks.
/// ```
/// coil::signal_set stop({SIGINT, SIGTERM});
/// auto which = co_await stop.wait();
/// ```
class signal_set {
public:
    /// Throws: `std::system_error` when there is no descriptor left, `std::invalid_argument` for numbers that no signal has
    /// that can be caught.
    explicit signal_set(std::span<const int> numbers);
    explicit signal_set(std::initializer_list<int> numbers) : signal_set(std::span(numbers.begin(), numbers.size())) {}
    signal_set(const signal_set&) = delete;
    signal_set& operator=(const signal_set&) = delete;
    ~signal_set();

    /// Waits for the next of the signals. @return its number.
    /// Errors: `errc::canceled`.   Overlap: each signal reaches one of those who wait.
    internal::awaitable<internal::signal_wait, int> wait() const noexcept
    {
        return internal::awaitable<internal::signal_wait, int>(descriptor_);
    }

private:
    internal::blocked_signals blocked_;
    int descriptor_;
};

}  // namespace coil
