#pragma once

#include <coil/net/address.hpp>
#include <coil/runtime/error.hpp>

#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

namespace coil::net::internal {

/// What failed, in the words and fields of Node.js.
/// @{

/// "getaddrinfo ENOTFOUND no.such.example"
error_info lookup_failure(std::error_code error, std::string_view host);
/// "connect ECONNREFUSED 127.0.0.1:1"; behind that where from, if that was said: " - Local (127.0.0.1:1024)".
error_info connect_failure(std::error_code error, const address& remote, const std::optional<address>& local);
/// "bind EADDRNOTAVAIL 192.0.2.1"
error_info bind_failure(std::error_code error, const address& local);
/// "connect ABORT_ERR example.com:443": what ended before there was an address.
error_info connect_failure(std::error_code error, std::string_view host, std::uint16_t port);
/// "listen EADDRINUSE: address already in use 127.0.0.1:80"
error_info listen_failure(std::error_code error, const address& where);
/// The same for what is no address.
error_info listen_failure(std::error_code error, std::string_view host_or_path);
/// "read ECONNRESET". @param syscall  "read" or "write".
error_info stream_failure(std::error_code error, std::string_view syscall);
/// All attempts failed. @param attempts  at least one; a single one is the whole.
error_info joint_failure(std::vector<error_info> attempts);
/// @}

}  // namespace coil::net::internal
