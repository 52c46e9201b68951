#pragma once

#include <coil/net/address.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/cancel.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/task.hpp>
#include <coil/tls/server.hpp>

#include "tools/coil/access_log.hpp"

#include <functional>

namespace coil::command {

/// What the connections of one loop share.
class service_context {
public:
    service_context(scope& writers, bool log) : log_(writers, log) {}

    /// Stopped when no new request should be begun: the server is closing.
    stop_token closing() noexcept { return loop::current().draining(); }
    access_log& log() noexcept { return log_; }

private:
    access_log log_;
};

/// Makes the handler for the connections of one loop.
using service = std::function<tls::server::connection_handler(service_context& context)>;

/// How each of the threads of a server works.
struct worker_plan {
    net::listen_options listen;
    bool quiet = false;
    tls::server_options server;
    command::service service;
};

/// Serves on this thread's loop, until that drains or the task is stopped.
/// @param listening  told where it listens, or why it does not; then it ends.
task<> work(worker_plan plan, std::function<void(const result<net::address>&)> listening);

}  // namespace coil::command
