#pragma once

#include <coil/runtime/task.hpp>

#include <coroutine>

namespace coil::internal {

/// What the promises of coroutines at the bottom have, which nobody awaits.
///
/// When the coroutine has ended, `Promise::left` sees to what is next, and may destroy the frame or give a coroutine that
/// goes on.
template <class Promise>
class bottom_promise : public promise_base {
public:
    struct leave {
        bool await_ready() const noexcept { return false; }
        auto await_suspend(std::coroutine_handle<Promise> self) const noexcept { return self.promise().left(); }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    leave final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}

    std::coroutine_handle<Promise> frame() noexcept
    {
        return std::coroutine_handle<Promise>::from_promise(static_cast<Promise&>(*this));
    }
};

}  // namespace coil::internal
