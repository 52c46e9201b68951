#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/runtime/task.hpp>

#include <coroutine>

namespace coil {

namespace internal {

class yield_wait final : public ready_coroutine {
public:
    yield_wait() noexcept = default;
    yield_wait(const yield_wait&) = delete;
    yield_wait& operator=(const yield_wait&) = delete;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> awaiting) noexcept
    {
        note_await(awaiting);
        begin(awaiting);
    }
    void await_resume() const noexcept {}

private:
    void begin(std::coroutine_handle<> awaiting) noexcept;
};

}  // namespace internal

namespace this_task {

/// Lets the other coroutines that are ready go first. A stop request does not end it: it is over in a moment anyway.
/// Node: setImmediate.
inline internal::awaitable<internal::yield_wait> yield() noexcept
{
    return internal::awaitable<internal::yield_wait>();
}

}  // namespace this_task
}  // namespace coil
