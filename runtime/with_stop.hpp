#pragma once

#include <coil/runtime/cancel.hpp>
#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/task.hpp>

#include <utility>

namespace coil {

namespace internal {

/// Is stopped when either of two tokens is.
class either_stop {
public:
    either_stop(stop_token one, stop_token other) noexcept : stop_(one), other_stopped_(&either_stop::on_stop, this)
    {
        if (other.stop_requested())
            stop_.request_stop();
        else
            other.attach(other_stopped_);
    }

    stop_token token() noexcept { return stop_.token(); }

private:
    static void on_stop(void* self) noexcept { static_cast<either_stop*>(self)->stop_.request_stop(); }

    stop_source stop_;
    stop_callback other_stopped_;
};

}  // namespace internal

/// Awaits `awaitable`, which ends also when `token` is stopped, and not only when the awaiting coroutine is.
///
/// Either of the two ends it, as its own stop would: usually with `errc::canceled`. What comes afterwards in the awaiting
/// coroutine is not stopped by `token`. `shielded(with_stop(token, …))` is stopped by `token` alone.
/// ```
/// auto request = co_await coil::with_stop(loop.draining(), socket.read(buffer));
/// ```
/// @param token  its source lives until the await has ended.
/// @return what `awaitable` gives.   Throws: what it throws.
/// Node: the option `signal`.
template <class Awaitable>
task<await_result<Awaitable&>> with_stop(stop_token token, Awaitable awaitable)
{
    const stop_token outer = co_await this_task::stop_token();
    internal::either_stop either(outer, token);
    auto stoppable = internal::await_with(either.token(), std::move(awaitable));
    if constexpr (std::is_void_v<await_result<Awaitable&>>) {
        co_await stoppable;
    } else {
        await_result<Awaitable&> outcome = co_await stoppable;
        co_return outcome;
    }
}

}  // namespace coil
