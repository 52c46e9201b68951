#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

namespace bench {

/// How long operations took: every one of them as long as they are not too many to keep, then every second, then every
/// fourth, and so on; the shortest and the longest always.
class latency_record {
public:
    /// @param limit  of values kept, at least 2.
    explicit latency_record(std::size_t limit = 1 << 20);

    void add(std::chrono::nanoseconds took);
    void forget() noexcept;

    /// How many were added, kept or not.
    std::size_t count() const noexcept { return count_; }
    /// Those that are kept, in no order.
    std::span<const std::chrono::nanoseconds> values() const noexcept { return values_; }

    /// For each of these shares of all operations the nanoseconds that they took at most. There is at least one value.
    template <std::size_t Count>
    std::array<double, Count> at(const std::array<double, Count>& shares)
    {
        std::array<double, Count> found;
        for (std::size_t i = 0; i < Count; ++i)
            found[i] = at(shares[i]);
        return found;
    }

private:
    double at(double share);

    std::size_t limit_;
    std::size_t count_ = 0;
    /// One of so many is kept.
    std::size_t stride_ = 1;
    std::chrono::nanoseconds shortest_{};
    std::chrono::nanoseconds longest_{};
    std::vector<std::chrono::nanoseconds> values_;
};

}  // namespace bench
