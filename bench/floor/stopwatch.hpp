#pragma once

#include <chrono>
#include <vector>

namespace bench {

/// Adds up the server's parts of a turn, and takes the time of many turns together.
class stopwatch {
public:
    stopwatch();

    void start() noexcept { started_ = std::chrono::steady_clock::now(); }
    void stop() noexcept { turn_ += std::chrono::steady_clock::now() - started_ - overhead_; }
    /// Ends a turn that did this many operations.
    void end_turn(double operations);
    void forget() noexcept { turns_.clear(); }

    /// Nanoseconds per operation: the mean without the slowest twentieth of the turns, in which others had the processor.
    double per_operation();

private:
    std::chrono::steady_clock::time_point started_;
    std::chrono::nanoseconds turn_{};
    std::chrono::nanoseconds overhead_{};
    std::vector<double> turns_;
};

}  // namespace bench
