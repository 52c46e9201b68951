#pragma once

#include <cstdint>

namespace bench {

/// A socket that listens on a port of this host and does not block.
/// @param shared  whether other threads listen on the same port, so that the kernel spreads the connections.
/// Throws: `failure`.
int listen_on(std::uint16_t port, bool shared = false);

/// Whether somebody listens on a port of this host.
bool is_listened_on(std::uint16_t port) noexcept;

}  // namespace bench
