#include "bench/load/latency_record.hpp"

#include <algorithm>
#include <cmath>

namespace bench {

latency_record::latency_record(std::size_t limit) : limit_(limit) {}

void latency_record::add(std::chrono::nanoseconds took)
{
    shortest_ = count_ == 0 ? took : std::min(shortest_, took);
    longest_ = std::max(longest_, took);
    if (count_++ % stride_ != 0)
        return;
    if (values_.size() == limit_) {
        for (std::size_t i = 0; 2 * i < values_.size(); ++i)
            values_[i] = values_[2 * i];
        values_.resize((values_.size() + 1) / 2);
        stride_ *= 2;
        if ((count_ - 1) % stride_ != 0)
            return;
    }
    values_.push_back(took);
}

void latency_record::forget() noexcept
{
    values_.clear();
    count_ = 0;
    stride_ = 1;
    shortest_ = longest_ = {};
}

double latency_record::at(double share)
{
    if (share <= 0 || share >= 1)
        return static_cast<double>((share <= 0 ? shortest_ : longest_).count());
    const double rank = std::ceil(share * static_cast<double>(values_.size()));
    const auto wanted = values_.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
    std::nth_element(values_.begin(), wanted, values_.end());
    return static_cast<double>(wanted->count());
}

}  // namespace bench
