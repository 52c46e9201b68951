#pragma once

#include <cassert>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace coil::internal {

/// A first-in first-out queue of at most `capacity` values in memory that is allocated once.
template <class T>
class value_queue {
public:
    /// Throws: `std::invalid_argument` when `capacity` is 0.
    explicit value_queue(std::size_t capacity)
        : values_(std::make_unique<std::optional<T>[]>(capacity)), capacity_(capacity)
    {
        if (capacity == 0)
            throw std::invalid_argument("coil: a channel has room for at least one value");
    }

    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }
    bool full() const noexcept { return size_ == capacity_; }

    void push(T&& value)
    {
        assert(!full());
        std::size_t end = first_ + size_;
        if (end >= capacity_)
            end -= capacity_;
        values_[end].emplace(std::move(value));
        ++size_;
    }

    T pop()
    {
        assert(size_ > 0);
        std::optional<T>& slot = values_[first_];
        T value = std::move(*slot);
        slot.reset();
        if (++first_ == capacity_)
            first_ = 0;
        --size_;
        return value;
    }

private:
    std::unique_ptr<std::optional<T>[]> values_;
    std::size_t capacity_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace coil::internal
