#pragma once

#include <coil/runtime/internal/poison.hpp>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace coil::internal {

/// A mapping for the stack of a fiber. Below it lies a reserve that nobody may touch, so that a recursion without end stops the
/// program at once, and so does a function with large arrays that skips a part of its frame: the neighbour's stack lies behind
/// the reserve. It costs addresses and no memory; of the stack, memory is used only from where a fiber first touches it.
class fiber_stack {
public:
#if defined(COIL_ADDRESS_SANITIZER)
    static constexpr std::size_t size = 256 * 1024;  // watched frames are several times larger
#else
    static constexpr std::size_t size = 64 * 1024;
#endif

    /// More than the stack that any sensible function asks for at once.
    static constexpr std::size_t reserve_size = 256 * 1024;

    /// Throws: `std::system_error` where the kernel refuses the mapping.
    fiber_stack();
    fiber_stack(fiber_stack&& other) noexcept : reserve_(std::exchange(other.reserve_, nullptr)) {}
    fiber_stack& operator=(fiber_stack&& other) noexcept
    {
        std::swap(reserve_, other.reserve_);
        return *this;
    }
    ~fiber_stack();

    /// Without the reserve.
    std::span<std::byte> memory() const noexcept;

    /// How many bytes, counted from the top, were ever written to. What the kernel took back does not count any more.
    std::size_t touched() const noexcept;

private:
    std::byte* reserve_;  // where the mapping begins
};

/// The stacks that the fibers of one thread use one after the other. The last one given back is taken first.
///
/// What is given back stays mapped: to return memory takes the kernel several times as long as a fiber lives. `trim` does it
/// when the thread has time.
/// A thread's pool may be used even after its end, as the thread ends; it then keeps nothing.
class fiber_stack_pool {
public:
    static constexpr std::size_t kept = 64;             ///< Free stacks that `trim` leaves.
    static constexpr std::size_t most_for_a_trim = 32;  ///< Stacks that one call returns to the kernel.

    fiber_stack_pool() = default;
    fiber_stack_pool(const fiber_stack_pool&) = delete;
    fiber_stack_pool& operator=(const fiber_stack_pool&) = delete;
    ~fiber_stack_pool();

    static fiber_stack_pool& of_thread() noexcept;

    /// Throws: as `fiber_stack()`.
    fiber_stack take();
    void put(fiber_stack stack) noexcept;
    /// Returns some of the stacks that are too many to the kernel. @return whether there are more.
    bool trim() noexcept;
    /// Whether there are more free ones than are worth keeping.
    bool has_too_many() const noexcept { return free_.size() > kept; }

    std::size_t in_use() const noexcept { return in_use_; }
    std::size_t free() const noexcept { return free_.size(); }
    /// How many were ever mapped.
    std::size_t mapped() const noexcept { return mapped_; }
    /// The most that was ever used of a stack that is free, was measured or was returned to the kernel.
    std::size_t high_water_mark() noexcept;
    /// For a stack that is in use.
    void measure(const fiber_stack& stack) noexcept;

private:
    std::vector<fiber_stack> free_;
    std::size_t in_use_ = 0;
    std::size_t mapped_ = 0;
    std::size_t high_water_mark_ = 0;
    bool closed_ = false;
};

}  // namespace coil::internal
