#pragma once

#include "bench/load/latency_record.hpp"

#include <chrono>
#include <cstddef>

namespace bench {

/// What all sessions of a load have got done.
struct load_count {
    std::size_t open = 0;
    /// Operations; in transfers bytes.
    double done = 0;
    std::size_t finished = 0;
    latency_record took;
    /// Transfers under way, and whether others may begin.
    std::size_t transfers = 0;
    bool transfers_may_begin = false;
};

/// When one client's operations begin, and how long they take.
///
/// Without a schedule an operation may begin as soon as the one before has ended. With a schedule each has its time, and
/// how long it took counts from there even if it could not begin yet: a server that stalls is not spared the operations
/// that were due meanwhile.
class starts {
public:
    using clock = std::chrono::steady_clock;

    /// @param scheduled  nothing begins without a schedule.
    starts(load_count& count, bool scheduled) : count_(&count), scheduled_(scheduled) {}

    /// Of so many operations to come the first is due then, and the others in these intervals.
    void schedule(clock::time_point first, std::chrono::nanoseconds interval, std::size_t operations) noexcept;

    /// @return whether an operation begins now.
    bool begin() noexcept;
    /// Its answer is here.
    void answered();

private:
    load_count* count_;
    bool scheduled_;
    clock::time_point begun_ = clock::now();
    clock::time_point next_{};
    std::chrono::nanoseconds interval_{};
    std::size_t left_ = 0;
};

}  // namespace bench
