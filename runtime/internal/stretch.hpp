#pragma once

#include <coil/runtime/internal/misuse.hpp>

#include <chrono>

namespace coil::internal {

/// What runs on this thread from one point at which coroutines change to the next, and how long that takes.
struct stretch_watch {
    /// A stretch took longer than `limit`. @param who  null where that is not known.
    using report = void (*)(const coroutine_origin* who, std::chrono::nanoseconds time) noexcept;

    /// From here on something else runs.
    void begin() noexcept
    {
        if (limit.count() > 0)
            since = std::chrono::steady_clock::now();
    }
    /// `who` ran until now; null where that is not known.
    void end(const coroutine_origin* who) noexcept;

    std::chrono::nanoseconds limit{};  // 0: nobody looks
    std::chrono::steady_clock::time_point since{};
    report too_long = nullptr;
    const coroutine_origin* last = nullptr;  // the coroutine that awaits at this moment
};

extern constinit thread_local stretch_watch this_thread_stretch;

/// The coroutine from `origin` awaits something, or has ended.
inline void note_end_of_stretch([[maybe_unused]] const coroutine_origin& origin) noexcept
{
    if constexpr (checks_misuse) {
        this_thread_stretch.last = &origin;
        this_thread_stretch.end(&origin);
    }
}

}  // namespace coil::internal
