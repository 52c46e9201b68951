#pragma once

#include <coil/runtime/internal/ring/nonblocking_system.hpp>
#include <coil/runtime/internal/ring/ring.hpp>

#include <cstdint>

namespace coil::internal {

/// Sends what is left of a `send` or `send_message`. With MSG_WAITALL it goes on until all is sent.
/// @param done  bytes that were sent before; what is sent now is added.
/// @return the bytes sent in all, where that is the end of it: all of them, or a part before a failure, or before the lack of
///         room where the request does not wait for any. -EAGAIN: there is more, for which there was no room.
int send_rest(nonblocking_system& by, const request& wanted, std::uint32_t& done) noexcept;

}  // namespace coil::internal
