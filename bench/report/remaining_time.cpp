#include "bench/report/remaining_time.hpp"

#include <algorithm>

namespace bench {

void remaining_time::passed(double planned, double taken) noexcept
{
    left_ -= planned;
    planned_ += planned;
    taken_ += taken;
}

void remaining_time::dropped(double planned) noexcept
{
    left_ -= planned;
    all_ -= planned;
}

double remaining_time::seconds() const noexcept
{
    constexpr double trust = 8;  // seconds
    return std::max(left_, 0.0) * (taken_ + trust) / (planned_ + trust);
}

double remaining_time::share() const noexcept
{
    return all_ > 0 ? std::clamp(1 - left_ / all_, 0.0, 1.0) : 1;
}

}  // namespace bench
