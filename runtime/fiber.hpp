#pragma once

#include <coil/runtime/internal/fiber_call.hpp>
#include <coil/runtime/result.hpp>

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <type_traits>
#include <utility>

namespace coil {

/// What the fibers of one thread have done and hold.
struct fiber_stats {
    std::uint64_t calls = 0;          ///< Functions that were started on a fiber.
    std::size_t suspended = 0;        ///< Fibers that wait now.
    std::size_t stacks_in_use = 0;    ///< Stacks that belong to a fiber now.
    std::size_t stacks_free = 0;      ///< Stacks kept for the next ones.
    std::size_t stacks_mapped = 0;    ///< Stacks ever taken from the kernel.
    std::size_t stack_size = 0;       ///< Bytes of one.
    std::size_t high_water_mark = 0;  ///< The most bytes that any of them was ever used to.
};

/// Ordinary functions that wait like coroutines: C libraries call back into code that cannot `co_await`, and that code runs
/// on a stack of its own meanwhile.
///
/// A fiber stays on the thread on which it began. Coroutines do not run on its stack: what it awaits runs on the thread's
/// own.
namespace fiber {

/// Thrown in a fiber that has to come to its end by waits that cannot return an error. Its code is `errc::canceled`.
class canceled : public std::system_error {
public:
    canceled() : std::system_error(make_error_code(errc::canceled)) {}
};

/// Awaiting it runs `callable()`, an ordinary function, on a stack of its own and gives what it returns.
///
/// The function runs at once, and the awaiting coroutine waits only where the function does, by `fiber::await`. What is
/// awaited in it inherits the stop token of the awaiting coroutine; the function is called even where a stop was requested
/// before, and its first wait then fails.
/// ```
/// const int count = co_await coil::fiber::call([&] { return library_that_calls_back(&handler); });
/// ```
/// The function always comes to its end: where the awaiting frame or the loop is destroyed first, all of its waits fail from
/// then on, with `errc::canceled` or, where they cannot return that, with the exception `fiber::canceled`, until it has
/// returned; what it returns is dropped. It must not go on for ever then.
/// The stack has 64 KiB, and in front of it lie 256 KiB that nobody may touch. So overflowing it ends the program with SIGSEGV, be it
/// by recursion or by local arrays of up to 256 KiB of which only some bytes are written. A function with larger ones could reach
/// beyond; `-fstack-clash-protection` has the compiler touch every page on the way, and then all of it is caught.
/// @param callable  one that owns something, such as a lambda that captures a string, has to be given a name:
///     `auto call = coil::fiber::call(...); co_await call;`
/// Throws: what `callable` throws; `std::system_error` where there is no memory for a stack.
/// Overlap: awaited by one coroutine at a time.
/// Mistake: a function that destroys the coroutine that awaits it stops the program.
template <class Callable>
internal::fiber_call_awaitable<Callable> call(Callable callable)
{
    return internal::fiber_call_awaitable<Callable>(std::move(callable));
}

/// Waits inside a fiber until `awaitable` - a task, a read, a sleep - has ended, and gives its value or throws its exception.
/// Other coroutines and fibers of the thread go on meanwhile.
///
/// A temporary is moved away and destroyed before this function returns. Not for destructors: it may throw.
/// Errors: those of `awaitable`. Throws: what `awaitable` throws; `fiber::canceled`.
/// Mistake: calling it outside of a fiber stops the program.
template <class A>
internal::fiber_awaited_value<A> await(A&& awaitable)
{
    using value = internal::fiber_awaited_value<A>;
    internal::fiber_await_wait<A> wait(awaitable);
    if (internal::wait_in_fiber(wait))
        return wait.take();
    if constexpr (is_result<value>)
        return value(errc::canceled);
    else
        throw canceled();
}

/// Whether the caller runs in a fiber.
bool active() noexcept;

/// Of this thread. Looks at every stack, so it is nothing for a hot path.
fiber_stats stats() noexcept;

using switch_hook = fiber_switch_hook;

/// Adds `hook` for every later switch of every thread, for the rest of the program. Add it before the first fiber that needs
/// it; at most four.
void add_switch_hook(const switch_hook& hook) noexcept;

}  // namespace fiber
}  // namespace coil
