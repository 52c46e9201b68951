#pragma once

#include <coil/runtime/internal/ring/ring.hpp>

#include <memory>

namespace coil::internal {

/// A ring on an io_uring of the calling thread, whatever `options.backend` says.
/// Throws: `std::system_error` that names the cause and the cure where the kernel refuses.
std::unique_ptr<ring> make_uring(const ring_options& options);

/// Posts a completion with user_data 0 on the io_uring with this descriptor; from any thread. @return false if that failed.
bool wake_uring(int descriptor) noexcept;

}  // namespace coil::internal
