#pragma once

#include <cstddef>
#include <span>

namespace coil {

/// State of the thread that each fiber has to itself, such as the error queue of a C library. Give it to
/// `fiber::add_switch_hook`.
struct fiber_switch_hook {
    /// Called on a stack that will be resumed, just before the thread leaves it: puts the thread's state away and leaves it
    /// empty. What it returns is handed to `resumed`.
    void* (*left)() noexcept;
    /// Called on that stack when the thread has come back: drops what the other stack left behind, puts the state back and
    /// frees `state`. Never called for a fiber that ended.
    void (*resumed)(void* state) noexcept;
};

namespace internal {

/// One of the two sides between which a thread switches: its own stack, or that of a fiber.
struct fiber_side {
    void* resume_at = nullptr;           ///< Where the thread goes on when it comes back.
    const void* stack_bottom = nullptr;  ///< The lowest address; for the address sanitizer.
    std::size_t stack_size = 0;
    void* sanitizer_fiber = nullptr;  ///< For the thread sanitizer.
    fiber_side& (*body)(void*) noexcept = nullptr;
    void* argument = nullptr;
};

/// Arranges that the first switch to `fiber` calls `body(argument)` on `stack`; `body` returns the side to go on with when
/// the fiber has ended.
void prepare_fiber(fiber_side& fiber, std::span<std::byte> stack, fiber_side& (*body)(void*) noexcept,
                   void* argument) noexcept;

/// Leaves the stack of `from`, which is the caller's, for that of `to`. Returns when somebody switches back.
///
/// The only place where a thread changes its stack. Each side keeps its own caught exceptions: a `throw;` after a switch
/// inside a `catch` block rethrows what this side had caught.
void switch_fiber(fiber_side& from, fiber_side& to) noexcept;

/// Lets go of what the sanitizers know of a fiber that has ended, and of its stack.
void discard_fiber(fiber_side& fiber) noexcept;

void add_fiber_switch_hook(const fiber_switch_hook& hook) noexcept;

}  // namespace internal
}  // namespace coil
