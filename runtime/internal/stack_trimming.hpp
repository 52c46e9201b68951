#pragma once

namespace coil::internal {

/// Sees to it that the loop of this thread returns free stacks to the kernel by and by, where there are more than are worth
/// keeping. For whoever gives a stack back; without a loop they stay until the thread ends.
void trim_stacks_later() noexcept;

}  // namespace coil::internal
