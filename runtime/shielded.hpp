#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/task.hpp>

#include <utility>

namespace coil {

/// Awaits `awaitable` to its end, although the awaiting coroutine is stopped, before or meanwhile.
///
/// For what has to be finished once it was begun: the rest of an answer, the record of what was done. A stop still reaches
/// everything that is awaited afterwards. Destroying the awaiting frame, as the end of a `scope` or of a server does, ends
/// it all the same. Nothing bounds it but itself: `shielded(with_timeout(1s, …))` is to be preferred where it waits for a
/// peer.
/// ```
/// const auto sent = co_await coil::shielded(coil::with_timeout(1s, socket.end(answer)));
/// ```
/// @return what `awaitable` gives.   Throws: what it throws.
template <class Awaitable>
task<await_result<Awaitable&>> shielded(Awaitable awaitable)
{
    return internal::await_with(stop_token(), std::move(awaitable));
}

}  // namespace coil
