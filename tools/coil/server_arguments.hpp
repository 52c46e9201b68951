#pragma once

#include "tools/coil/tls_arguments.hpp"

#include <boost/program_options.hpp>

#include <cstdint>
#include <string>

namespace coil::command {

/// The options that all servers share.
struct server_arguments {
    std::string host = "127.0.0.1";
    std::string port;
    std::string port_file;
    std::string threads = "1";
    bool quiet = false;
    bool request_cert = false;
    tls_arguments tls;

    /// The options that set these fields, those about TLS left out. @param default_port  where `--port` is not given.
    boost::program_options::options_description options(const std::string& default_port);

    /// The IP address of `--host`. Throws: `usage_error`.
    std::string address() const;
    /// Throws: `usage_error`.
    std::uint16_t port_number() const;
    /// Throws: `usage_error`.
    unsigned thread_count() const;
};

}  // namespace coil::command
