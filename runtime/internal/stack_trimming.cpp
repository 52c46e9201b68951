#include <coil/runtime/internal/stack_trimming.hpp>

#include <coil/runtime/internal/background.hpp>
#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/runtime/internal/timers.hpp>
#include <coil/runtime/loop.hpp>

#include <chrono>
#include <new>

namespace coil::internal {
namespace {

using namespace std::chrono_literals;

/// Those that are needed again soon are not worth the way to the kernel and back.
constexpr auto rest = 1s;
/// A few at a time, so that nobody else waits for long.
constexpr auto between = 5ms;

class stack_trimming final : public timer_node, public resident {
public:
    static stack_trimming& of_thread() noexcept
    {
        thread_local stack_trimming trimming;
        return trimming;
    }

    void begin(loop& here) noexcept
    {
        if (set())
            return;
        if (!linked())
            here.tell_of_end(*this);
        wait(here, rest);
    }

    void expire() noexcept override
    {
        if (fiber_stack_pool::of_thread().trim())
            wait(loop::current(), between);
    }

    void lose_loop() noexcept override
    {
        unlink();
        if (set())
            loop::current().timers().clear(*this);
    }

private:
    void wait(loop& here, std::chrono::nanoseconds time) noexcept
    try {
        here.timers().set(*this, here.now() + time);
    } catch (const std::bad_alloc&) {
        return;  // the next stack that is given back brings it here again
    }
};

}  // namespace

void trim_stacks_later() noexcept
{
    loop* const here = loop::current_or_null();
    if (here && fiber_stack_pool::of_thread().has_too_many())
        stack_trimming::of_thread().begin(*here);
}

}  // namespace coil::internal
