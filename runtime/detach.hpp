#pragma once

#include <coil/runtime/internal/bottom_coroutine.hpp>
#include <coil/runtime/task.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace coil {

namespace internal {

/// A coroutine without an owner but the loop: it destroys itself at its end, and the loop destroys it at its own.
class detached {
public:
    struct promise_type;

    /// Starts it in the loop's next pass, or at once.
    void start_later() const;
    void start_now() const;

private:
    friend struct promise_type;
    explicit detached(promise_type& promise) noexcept : promise_(&promise) {}

    promise_type* promise_;
};

class detached_owner;

struct detached::promise_type final : bottom_promise<promise_type> {
    detached get_return_object() noexcept { return detached(*this); }
    void left() const noexcept;
    void unhandled_exception() const noexcept;

    detached_owner* owner = nullptr;
};

inline detached run_detached_task(task<> main)
{
    co_await main;
}

/// A parameter and not a capture holds the callable: the captures of a lambda do not live in its coroutine.
template <class Callable>
detached run_detached(Callable callable)
{
    co_await callable();
}

}  // namespace internal

/// Starts `main` in the loop's next pass and leaves it to the loop: nobody waits for it, stops it or gets its exception.
///
/// Where the loop is destroyed first, so is the frame, wherever it waits; `loop::run` does not wait for it. An exception
/// that leaves it goes to the loop's `on_uncaught`, and stops the program where that was not set. Where somebody can wait,
/// `scope::spawn` is better.
inline void detach(task<> main)
{
    internal::run_detached_task(std::move(main)).start_later();
}

/// The same for `callable()`, a coroutine. The loop owns the callable until the coroutine ends.
template <class Callable>
    requires std::same_as<std::invoke_result_t<Callable&>, task<>>
void detach(Callable callable)
{
    internal::run_detached(std::move(callable)).start_later();
}

}  // namespace coil
