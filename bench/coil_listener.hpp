#pragma once

#include "bench/protocol.hpp"

#include <coil/tls/tls.hpp>

#include <cstdint>
#include <string>

namespace bench {

/// coil's context with the settings that it ships with.
coil::tls::secure_context make_coil_context(const std::string& certificate_file, const std::string& key_file);

/// A server of the calling loop that listens on a port of this host.
/// @param port    0: one that is free.
/// @param shared  whether other threads listen on the same port.
/// Throws: `std::system_error`.
coil::tls::server listen_with_coil(protocol spoken, const coil::tls::secure_context& context, std::uint16_t port,
                                   bool shared = false);
/// The same with options of one's own.
coil::tls::server listen_with_coil(protocol spoken, coil::tls::server_options options, std::uint16_t port,
                                   bool shared = false);

}  // namespace bench
