#pragma once

#include <chrono>
#include <vector>

#include <time.h>

namespace bench {

/// Adds up the time of the server's parts of a turn, and takes many turns together.
class stopwatch {
public:
    /// @param clock  CLOCK_THREAD_CPUTIME_ID, which does not count what other programs take in between; for turns of a
    ///               microsecond CLOCK_MONOTONIC, since asking the former is a system call that leaves its mark.
    explicit stopwatch(clockid_t clock = CLOCK_THREAD_CPUTIME_ID);

    void start() noexcept { started_ = now(); }
    void stop() noexcept { turn_ += now() - started_ - overhead_; }
    /// Ends a turn that did this many operations.
    void end_turn(double operations);
    void forget() noexcept { turns_.clear(); }

    /// Nanoseconds per operation: the mean without the slowest twentieth of the turns, which others have
    /// disturbed.
    double per_operation();

private:
    std::chrono::nanoseconds now() const noexcept;

    clockid_t clock_;
    std::chrono::nanoseconds started_{};
    std::chrono::nanoseconds turn_{};
    std::chrono::nanoseconds overhead_{};
    std::vector<double> turns_;
};

}  // namespace bench
