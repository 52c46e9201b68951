#pragma once

#include <coil/runtime/internal/ring/bell.hpp>
#include <coil/runtime/internal/ring/nonblocking_system.hpp>
#include <coil/runtime/internal/ring/ring.hpp>

#include <memory>

namespace coil::internal {

/// A ring on epoll, whatever `options.backend` says: each request is tried at once, and again when its descriptor is ready.
/// Throws: `std::system_error` where there is no descriptor left.
std::unique_ptr<ring> make_epoll_ring(const ring_options& options);

/// The same on something else than the kernel.
/// @param without  capabilities that are left unused.
/// @param news  is rung when calls that may block have ended.
std::unique_ptr<ring> make_epoll_ring(const ring_options& options, const unwanted_capabilities& without,
                                      std::unique_ptr<nonblocking_system> on, std::unique_ptr<bell> news);

}  // namespace coil::internal
