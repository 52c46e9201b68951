#pragma once

#include <coil/net/address.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace coil::net {

class socket;

/// Where to connect to.
/// Node: options of socket.connect.
struct connect_options {
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
/// Where a host has several addresses they are tried one after the other, each for a quarter of a second while there is
/// another left.
/// Throws: `std::invalid_argument` for a `local_address` that is none, `std::system_error` ENAMETOOLONG for a `path` over 107 bytes.
/// Node: net.connect.
socket connect(connect_options options);

namespace internal {

class transport;

/// Connects as `options` say.
task<result<std::unique_ptr<transport>>> open_connection(const connect_options& options);

/// Throws as `connect` does.
void check(const connect_options& options);

}  // namespace internal

}  // namespace coil::net
