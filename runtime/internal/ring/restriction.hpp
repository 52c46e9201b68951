#pragma once

namespace coil::internal {

/// Has the kernel refuse on this io_uring, once it is enabled, every request and every registration that coil does not use.
/// @param descriptor  of an io_uring that was set up disabled.
/// @return 0 or an errno.
int restrict_uring(int descriptor) noexcept;

/// Lets it take requests. @return 0 or an errno.
int enable_uring(int descriptor) noexcept;

}  // namespace coil::internal
