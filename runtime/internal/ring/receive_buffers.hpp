#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coil::internal {

/// Receive buffers that all connections of a ring share. One that lies in the pool is poisoned: nobody may touch it.
class receive_buffers {
public:
    /// @param count  may be 0: a pool that never has one.
    /// Throws: `std::system_error` where there is no memory.
    receive_buffers(unsigned count, unsigned size);
    receive_buffers(const receive_buffers&) = delete;
    receive_buffers& operator=(const receive_buffers&) = delete;
    ~receive_buffers();

    bool empty() const noexcept { return free_.empty(); }
    /// Those that are not in the pool.
    unsigned missing() const noexcept { return count_ - static_cast<unsigned>(free_.size()); }
    unsigned size() const noexcept { return size_; }

    std::byte* memory(std::uint16_t id) noexcept { return memory_ + id * stride_; }
    /// The one that was given back last, whose memory is the likeliest to be in the cache. Only where not `empty()`.
    std::uint16_t take() noexcept;
    void put(std::uint16_t id) noexcept;

private:
    unsigned count_;
    unsigned size_;
    std::size_t stride_;
    std::byte* memory_ = nullptr;
    std::vector<std::uint16_t> free_;
};

}  // namespace coil::internal
