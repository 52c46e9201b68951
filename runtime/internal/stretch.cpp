#include <coil/runtime/internal/stretch.hpp>

namespace coil::internal {

constinit thread_local stretch_watch this_thread_stretch;

void stretch_watch::end(const coroutine_origin* who) noexcept
{
    if (limit.count() == 0)
        return;
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::nanoseconds time = now - since;
    if (time >= limit)
        too_long(who, time);
    since = now;
}

}  // namespace coil::internal
