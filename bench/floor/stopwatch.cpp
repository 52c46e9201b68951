#include "bench/floor/stopwatch.hpp"

#include "bench/failure.hpp"

#include <algorithm>
#include <numeric>

namespace bench {

stopwatch::stopwatch(clockid_t clock) : clock_(clock)
{
    std::vector<std::chrono::nanoseconds> empty;
    for (int i = 0; i < 1001; ++i) {
        start();
        empty.push_back(now() - started_);
    }
    std::ranges::nth_element(empty, empty.begin() + 500);
    overhead_ = empty[500];
    turns_.reserve(1 << 20);
}

std::chrono::nanoseconds stopwatch::now() const noexcept
{
    timespec time;
    clock_gettime(clock_, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void stopwatch::end_turn(double operations)
{
    turns_.push_back(static_cast<double>(turn_.count()) / operations);
    turn_ = {};
}

double stopwatch::per_operation()
{
    std::ranges::sort(turns_);
    const std::size_t counted = turns_.size() - turns_.size() / 20;
    if (counted == 0)
        throw failure("the floor did not get one turn done");
    return std::accumulate(turns_.begin(), turns_.begin() + static_cast<std::ptrdiff_t>(counted), 0.0) /
           static_cast<double>(counted);
}

}  // namespace bench
