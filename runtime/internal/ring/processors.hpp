#pragma once

namespace coil::internal {

/// Processors that this process may use; at least 1.
unsigned usable_processors() noexcept;

}  // namespace coil::internal
