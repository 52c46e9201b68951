#pragma once

#include <cstdint>
#include <string>

namespace bench {

/// What a server under test is told. It speaks four protocols, over TLS unless it belongs to the floor:
///   port      every byte comes back
///   port + 1  the client sends a length (8 bytes, big-endian), the server that many bytes in writes of 16 KiB; repeated
///   port + 2  the client sends a length and that many bytes, the server returns the length; repeated
///   port + 3  HTTP/1.1 GET with keep-alive, answered with "Hello, world!"
struct server_settings {
    std::uint16_t port = 0;
    std::string certificate_file;
    std::string key_file;
};

/// Buffer of an echo, the same in all servers.
inline constexpr std::size_t echo_buffer_size = 4096;

}  // namespace bench
