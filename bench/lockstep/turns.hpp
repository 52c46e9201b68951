#pragma once

#include "bench/lockstep/clients.hpp"
#include "bench/protocol.hpp"

#include <string>

namespace bench::lockstep {

/// What a server under test is told.
struct turn_settings {
    protocol speaks = protocol::echo;
    std::string certificate_file;
    std::string key_file;
};

/// Each of these serves on a port of its own choice, in turns with the clients, until they say that it is over.
/// Throws: `failure`.
/// @{

/// The benchmark's server on coil.
void take_turns_with_coil(const turn_settings& settings, clients& with);
/// The same on the backend that coil takes where io_uring is refused.
void take_turns_with_coil_on_epoll(const turn_settings& settings, clients& with);
/// The benchmark's server on Asio.
void take_turns_with_asio(const turn_settings& settings, clients& with);
/// epoll and OpenSSL on the sockets, and no framework.
void take_turns_with_bare(const turn_settings& settings, clients& with);
/// The same without TLS.
void take_turns_with_tcp(const turn_settings& settings, clients& with);
/// @}

}  // namespace bench::lockstep
