#include "bench/load/starts.hpp"

namespace bench {

void starts::schedule(clock::time_point first, std::chrono::nanoseconds interval, std::size_t operations) noexcept
{
    next_ = first;
    interval_ = interval;
    left_ = operations;
}

bool starts::begin() noexcept
{
    const clock::time_point now = clock::now();
    if (!scheduled_) {
        begun_ = now;
        return true;
    }
    if (left_ == 0 || now < next_)
        return false;
    begun_ = next_;
    next_ += interval_;
    --left_;
    return true;
}

void starts::answered()
{
    count_->took.add(clock::now() - begun_);
}

}  // namespace bench
