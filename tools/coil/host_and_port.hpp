#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coil::command {

struct host_and_port {
    std::string host;
    std::uint16_t port = 443;
};

/// Reads "HOST", "HOST:PORT", "[IPV6]", "[IPV6]:PORT" or an IPv6 address alone.
/// Throws: `usage_error`.
host_and_port parse_host_and_port(std::string_view text);

}  // namespace coil::command
