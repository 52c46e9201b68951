#pragma once

#include <chrono>
#include <optional>
#include <span>

#include <sys/epoll.h>

namespace coil::internal {

/// epoll_wait, to the nanosecond where the kernel can.
/// @param wait  none: as long as it takes.
/// @return how many events came, or minus an errno.
int wait_for_events(int epoll, std::span<epoll_event> events, std::optional<std::chrono::nanoseconds> wait) noexcept;

}  // namespace coil::internal
