#include <coil/runtime/internal/fiber_switch.hpp>

#include <coil/runtime/internal/poison.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>

// Not boost::context::fiber: between the jump and the calls that prepare the sanitizers for it there must be no code that
// they watch, and that class has some, unwinds by force what it destroys, and keeps no caught exceptions apart before 1.88.
#include <boost/context/detail/fcontext.hpp>

#include <cxxabi.h>

#if defined(__SANITIZE_THREAD__)
#define COIL_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COIL_THREAD_SANITIZER 1
#endif
#endif

#if defined(COIL_ADDRESS_SANITIZER)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(COIL_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

// The sanitizers' own records of the call stack must not see a function that begins on one stack and goes on on another.
#if defined(COIL_ADDRESS_SANITIZER)
#define COIL_UNWATCHED __attribute__((noinline, no_sanitize("address")))
#elif defined(COIL_THREAD_SANITIZER)
#define COIL_UNWATCHED __attribute__((noinline, no_sanitize("thread")))
#else
#define COIL_UNWATCHED inline  // every return to another stack is one that the processor predicts wrongly
#endif

namespace coil::internal {
namespace {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

constexpr std::size_t most_hooks = 4;

std::array<fiber_switch_hook, most_hooks> hooks;
std::atomic<std::size_t> hook_count = 0;

/// What the Itanium C++ ABI keeps of a thread's exceptions (section 2.2.2): the caught ones, and how many are in flight.
struct caught_exceptions {
    void* caught;
    unsigned int uncaught;
};

caught_exceptions& exceptions_of_thread() noexcept
{
    return *reinterpret_cast<caught_exceptions*>(abi::__cxa_get_globals());
}

/// What a stack keeps for itself while the thread is elsewhere.
class thread_state {
public:
    thread_state() noexcept : count_(hook_count.load(std::memory_order_acquire))
    {
        for (std::size_t i = 0; i < count_; ++i)
            kept_[i] = hooks[i].left();
        exceptions_ = std::exchange(exceptions_of_thread(), caught_exceptions{});
    }
    ~thread_state()
    {
        exceptions_of_thread() = exceptions_;
        for (std::size_t i = count_; i > 0; --i)
            hooks[i - 1].resumed(kept_[i - 1]);
    }
    thread_state(const thread_state&) = delete;
    thread_state& operator=(const thread_state&) = delete;

private:
    std::size_t count_;
    std::array<void*, most_hooks> kept_;
    caught_exceptions exceptions_;
};

/// Who leaves and who goes on; lives on the stack that is left.
struct handover {
    fiber_side* from;
    fiber_side* to;
};

/// Called first by whoever goes on.
/// @param fake_stack  what the address sanitizer gave when this side was left; null the first time.
COIL_UNWATCHED void arrive(transfer_t from, [[maybe_unused]] void* fake_stack) noexcept
{
    fiber_side& left = *static_cast<handover*>(from.data)->from;
    left.resume_at = from.fctx;
#if defined(COIL_ADDRESS_SANITIZER)
    __sanitizer_finish_switch_fiber(fake_stack, &left.stack_bottom, &left.stack_size);
#endif
}

/// Tells the sanitizers that the next thing is the jump.
COIL_UNWATCHED void depart([[maybe_unused]] handover& who, [[maybe_unused]] void** fake_stack) noexcept
{
#if defined(COIL_ADDRESS_SANITIZER)
    __sanitizer_start_switch_fiber(fake_stack, who.to->stack_bottom, who.to->stack_size);
#endif
#if defined(COIL_THREAD_SANITIZER)
    who.from->sanitizer_fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(who.to->sanitizer_fiber, 0);
#endif
}

/// The bottom of every fiber's stack. No exception arrives here: `body` is noexcept.
COIL_UNWATCHED void begin_fiber(transfer_t from)
{
    arrive(from, nullptr);
    fiber_side& self = *static_cast<handover*>(from.data)->to;
    handover last{&self, &self.body(self.argument)};
    depart(last, nullptr);
    jump_fcontext(last.to->resume_at, &last);
    std::abort();  // a fiber that has ended was resumed
}

COIL_UNWATCHED void jump(handover& who) noexcept
{
    void* fake_stack = nullptr;
    depart(who, &fake_stack);
    arrive(jump_fcontext(who.to->resume_at, &who), fake_stack);
}

}  // namespace

void prepare_fiber(fiber_side& fiber, std::span<std::byte> stack, fiber_side& (*body)(void*) noexcept,
                   void* argument) noexcept
{
    fiber.resume_at = make_fcontext(stack.data() + stack.size(), stack.size(), &begin_fiber);
    fiber.stack_bottom = stack.data();
    fiber.stack_size = stack.size();
    fiber.body = body;
    fiber.argument = argument;
#if defined(COIL_THREAD_SANITIZER)
    fiber.sanitizer_fiber = __tsan_create_fiber(0);
#endif
}

void switch_fiber(fiber_side& from, fiber_side& to) noexcept
{
    thread_state kept;
    handover who{&from, &to};
    jump(who);
}

void discard_fiber(fiber_side& fiber) noexcept
{
#if defined(COIL_THREAD_SANITIZER)
    __tsan_destroy_fiber(fiber.sanitizer_fiber);
#endif
    // Its last frames were left without returning, and the next fiber begins on clean ground.
    unpoison(fiber.stack_bottom, fiber.stack_size);
}

void add_fiber_switch_hook(const fiber_switch_hook& hook) noexcept
{
    static std::mutex adding;
    const std::lock_guard lock(adding);
    const std::size_t index = hook_count.load(std::memory_order_relaxed);
    if (index == most_hooks) {
        std::fputs("coil: too many fiber switch hooks\n", stderr);
        std::abort();
    }
    hooks[index] = hook;
    hook_count.store(index + 1, std::memory_order_release);
}

}  // namespace coil::internal
