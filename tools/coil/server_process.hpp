#pragma once

#include "tools/coil/server_arguments.hpp"
#include "tools/coil/worker.hpp"

#include <functional>
#include <string>

namespace coil::command {

/// What a server is and what it says about itself.
struct server_process_options {
    /// Where `--alpn` was not given.
    std::vector<std::string> default_alpn;
    /// Whether a client may end without close_notify.
    bool allow_truncation = false;
    command::service service;
    /// The line that tells where the server listens.
    std::function<std::string(const net::address& where, unsigned threads)> announcement;
};

/// Runs a server on as many threads as wanted, until SIGINT or SIGTERM. Requests that are open then may finish, for a few
/// seconds; a second signal ends them at once.
/// @return the exit status of the process.
/// Throws: `usage_error`, `tls::error`, `std::system_error` where it could not be started; nothing listens then.
int run_server(const server_arguments& arguments, server_process_options options);

}  // namespace coil::command
