#pragma once

#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/runtime/internal/fiber_switch.hpp>

#include <optional>

namespace coil::tls::internal {

class engine_state;

/// A stack of its own for a step of OpenSSL, so that a callback in the middle of it can wait for an answer. The stack is taken
/// when a step begins and given back when it ends.
class step_stack {
public:
    using step = int (*)(engine_state&) noexcept;

    explicit step_stack(engine_state& owner) noexcept : owner_(owner) {}
    step_stack(const step_stack&) = delete;
    step_stack& operator=(const step_stack&) = delete;
    ~step_stack();

    /// Begins `what`, or goes on with the step that waits, until it ends or waits. A step stays on its thread.
    /// @return whether it has ended. Throws: `std::system_error` where there is no memory for a stack.
    bool run(step what);
    /// What the step returned that has ended.
    int outcome() const noexcept { return outcome_; }

    /// Within the step: leaves the thread to the owner until `run` is called again. Errors of OpenSSL that others leave
    /// behind meanwhile are dropped, and those that were there are put back.
    void wait() noexcept;
    /// Whether the caller runs within the step.
    bool runs() const noexcept { return running_; }
    /// Whose step runs in this thread; null if none does.
    static engine_state* at_work() noexcept;
    /// Whether a step waits.
    bool waits() const noexcept { return stack_ && !running_; }

private:
    static coil::internal::fiber_side& enter(void* self) noexcept;

    engine_state& owner_;
    coil::internal::fiber_stack_pool* home_ = nullptr;  // of the thread on which the step runs
    std::optional<coil::internal::fiber_stack> stack_;
    coil::internal::fiber_side here_;
    coil::internal::fiber_side thread_;
    step what_ = nullptr;
    int outcome_ = 0;
    bool running_ = false;
    bool ended_ = false;
};

}  // namespace coil::tls::internal
