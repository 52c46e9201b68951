#pragma once

#include <coil/runtime/backend.hpp>
#include <coil/tls/server.hpp>

#include "tools/coil/tls_arguments.hpp"

#include <boost/program_options.hpp>

#include <cstdint>
#include <string>

namespace coil::command {

/// The options that all servers share.
struct server_arguments {
    std::string backend = "automatic";
    std::string handshake_timeout = "20";
    std::string host = "127.0.0.1";
    std::string max_connections = "0";
    std::string port;
    std::string port_file;
    std::string threads = "1";
    bool no_reject_unauthorized = false;
    bool quiet = false;
    bool request_cert = false;
    tls_arguments tls;

    /// The options that set these fields, those about TLS left out. @param default_port  where `--port` is not given.
    boost::program_options::options_description options(const std::string& default_port);

    /// The IP address of `--host`. Throws: `usage_error`.
    std::string address() const;
    /// Of the threads' loops. Throws: `usage_error`.
    coil::backend loop_backend() const;
    /// Throws: `usage_error`.
    std::uint16_t port_number() const;
    /// Throws: `usage_error`.
    unsigned thread_count() const;
    /// Limits, and what is asked of clients; the context and what only one kind of server wants are left alone.
    /// Throws: `usage_error`.
    tls::server_options server_options() const;
};

}  // namespace coil::command
