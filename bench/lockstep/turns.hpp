#pragma once

#include "bench/lockstep/clients.hpp"
#include "bench/lockstep/workload.hpp"

#include <string>

namespace bench::lockstep {

/// What a server under test is told. Over TLS it speaks what the workload asks of it:
///   echo, handshake  every byte comes back
///   download         the client sends a length (8 bytes, big-endian), the server that many bytes in writes of 16 KiB; repeated
///   upload           the client sends a length and that many bytes, the server returns the length; repeated
struct turn_settings {
    const workload* serves = nullptr;
    std::string certificate_file;
    std::string key_file;
};

/// Each of these serves on a port of its own choice, in turns with the clients, until they say that it is over.
/// Throws: `failure`.
/// @{

/// coil with the settings that it ships with.
void take_turns_with_coil(const turn_settings& settings, clients& with);
/// Boost.Asio's ssl streams with awaitable coroutines on epoll, written as its examples are.
void take_turns_with_asio(const turn_settings& settings, clients& with);
/// epoll and OpenSSL on the sockets, and no framework.
void take_turns_with_bare(const turn_settings& settings, clients& with);
/// The same without TLS.
void take_turns_with_tcp(const turn_settings& settings, clients& with);
/// @}

}  // namespace bench::lockstep
