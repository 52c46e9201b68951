#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace bench {

/// What a server under test is told. It speaks TLS unless it belongs to the floor; the protocols are in protocol.hpp.
struct server_settings {
    /// The first of its four ports.
    std::uint16_t port = 0;
    std::string certificate_file;
    std::string key_file;
    /// That serve; the floor has only one.
    unsigned threads = 1;
};

/// Buffer of an echo, the same in all servers.
inline constexpr std::size_t echo_buffer_size = 4096;

}  // namespace bench
