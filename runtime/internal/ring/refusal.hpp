#pragma once

#include <string>

namespace coil::internal {

/// Why the kernel refused an io_uring with this errno, and what to do about it.
std::string explain_refusal(int error);

/// Whether that is the platform's word on io_uring, and not want of something that epoll would need as well.
bool refuses_io_uring(int error) noexcept;

}  // namespace coil::internal
