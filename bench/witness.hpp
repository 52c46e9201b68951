#pragma once

#include "bench/processors.hpp"
#include "bench/results.hpp"

#include <chrono>

namespace bench {

/// Processor time of child processes that have ended.
std::chrono::nanoseconds children_time();

/// Finds out how much of the processors' time went to others. A server alone leaves the generator's processor out.
class witness {
public:
    explicit witness(const processors& of);

    /// @param server  processor time that the server has used meanwhile.
    void tell(sample& into, std::chrono::nanoseconds server) const;

private:
    processors of_;
    processor_use use_;
    std::chrono::nanoseconds own_;
    std::chrono::steady_clock::time_point begin_;
};

}  // namespace bench
