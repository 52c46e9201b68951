#pragma once

#include <coil/net/address.hpp>
#include <coil/tls/socket.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace coil::command {

/// What is worth knowing about a connection attempt beside what its socket tells.
struct connect_facts {
    std::chrono::nanoseconds connect_time{0};
    std::chrono::nanoseconds handshake_time{0};
    std::string host;
    std::optional<net::address> peer;
    std::string servername;  ///< That was sent; empty: none.
    bool secure = false;     ///< Whether the handshake came to its end.
};

/// What was negotiated and who the peer is, for people; with colours where standard error shows them.
std::string connect_report(const tls::socket& socket, const connect_facts& facts);

}  // namespace coil::command
