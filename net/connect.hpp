#pragma once

#include <coil/net/address.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coil::net {

class socket;

using coil::error_info;

/// Where to connect to. The fields of options stand in alphabetical order, and so do their designators.
/// Node: options of socket.connect.
struct connect_options {
    /// Stay open for writing when the peer has ended; see `net::socket_options`. Node: allowHalfOpen.
    bool allow_half_open = false;
    /// Addresses of one family only: `ipv4` or `ipv6`. Node: family.
    std::optional<address_family> family = {};
    /// A name or an address. Node: host.
    std::string host = "localhost";
    /// Send probes on an idle connection. Node: keepAlive.
    bool keep_alive = false;
    /// Idle time before the first probe. Node: keepAliveInitialDelay.
    std::chrono::seconds keep_alive_initial_delay = {};
    /// The address to connect from, in text. Node: localAddress.
    std::string local_address = {};
    /// The port to connect from. Node: localPort.
    std::uint16_t local_port = 0;
    /// Send small writes at once. Node: noDelay.
    bool no_delay = false;
    /// A Unix socket; host and port are then not used. Node: path.
    std::string path = {};
    /// Node: port.
    std::uint16_t port = 0;
};

/// A socket that is to be connected: `co_await socket.connect()`.
///
/// Where a host has several addresses, of both families in turn, the next one is tried as soon as one has failed, and beside
/// those before it when they have not answered for a quarter of a second. The first that answers is taken and the attempts at
/// the others, at most 32 at once, are given up. RFC 8305.
/// Throws: `std::invalid_argument` for a `local_address` that is none, `std::system_error` ENAMETOOLONG for a `path` over 107 bytes.
/// Node: net.connect.
socket connect(connect_options options);

namespace internal {

class transport;

/// Connects as `options` say.
task<detailed_result<std::unique_ptr<transport>>> open_connection(const connect_options& options);

/// Both families in turn, beginning with that of the first, each in the order it has. RFC 8305 section 4.
/// @param targets  not empty.
std::vector<address> interleaved(std::vector<address> targets);

/// Throws as `connect` does.
void check(const connect_options& options);

}  // namespace internal

}  // namespace coil::net
