#pragma once

#include <coil/runtime/internal/ring/ring.hpp>

#include <memory>

namespace coil::internal {

/// A ring on epoll, whatever `options.backend` says: each request is tried at once, and again when its descriptor is ready.
/// Throws: `std::system_error` where there is no descriptor left.
std::unique_ptr<ring> make_epoll_ring(const ring_options& options);

}  // namespace coil::internal
