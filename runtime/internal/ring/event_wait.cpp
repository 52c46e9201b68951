#include <coil/runtime/internal/ring/event_wait.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace coil::internal {
namespace {

using std::chrono::nanoseconds;

/// Of this kernel.
std::atomic<bool> only_milliseconds = false;

int wait_in_milliseconds(int epoll, std::span<epoll_event> events, std::optional<nanoseconds> wait) noexcept
{
    using std::chrono::milliseconds;
    constexpr milliseconds longest{1'000'000};
    const int limit = wait ? static_cast<int>(std::min(std::chrono::ceil<milliseconds>(*wait), longest).count()) : -1;
    return ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), limit);
}

}  // namespace

int wait_for_events(int epoll, std::span<epoll_event> events, std::optional<nanoseconds> wait) noexcept
{
    int count = -1;
    if (!only_milliseconds.load(std::memory_order_relaxed) && wait && wait->count() != 0) {
        timespec limit{};
        limit.tv_sec = wait->count() / 1'000'000'000;
        limit.tv_nsec = wait->count() % 1'000'000'000;
        count = static_cast<int>(::syscall(SYS_epoll_pwait2, epoll, events.data(), events.size(), &limit, nullptr, 0));
        if (count < 0 && (errno == ENOSYS || errno == EPERM)) {
            only_milliseconds.store(true, std::memory_order_relaxed);
            count = wait_in_milliseconds(epoll, events, wait);
        }
    } else {
        count = wait_in_milliseconds(epoll, events, wait);
    }
    return count < 0 ? -errno : count;
}

}  // namespace coil::internal
