#pragma once

#include <coil/runtime/internal/timers.hpp>
#include <coil/runtime/loop.hpp>

#include <chrono>

namespace coil::test {

/// Wakes this thread's loop if it still sleeps after a long time, so that a test whose loop sleeps on nothing fails instead of
/// hanging.
class waking_timer final : private internal::timer_node {
public:
    waking_timer() { loop::current().timers().set(*this, loop::current().system().now() + std::chrono::seconds(20)); }

    bool was_needed() const noexcept { return needed_; }

private:
    void expire() noexcept override { needed_ = true; }

    bool needed_ = false;
};

}  // namespace coil::test
