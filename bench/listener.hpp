#pragma once

#include <cstdint>

namespace bench {

/// A socket that listens on a port of this host and does not block.
/// @param port    0: one that is free.
/// @param shared  whether other threads listen on the same port, so that the kernel spreads the connections.
/// Throws: `failure`.
int listen_on(std::uint16_t port, bool shared = false);

/// The port that this socket listens on. Throws: `failure`.
std::uint16_t port_of_listener(int descriptor);

/// Whether somebody listens on a port of this host.
bool is_listened_on(std::uint16_t port) noexcept;

}  // namespace bench
