#pragma once

#include <coil/net/address.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/handler.hpp>
#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/waiter.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace coil::net {

/// How a server treats the connections it accepts.
/// Node: options of net.createServer.
struct server_options {
    /// Connections stay open for writing when the peer has ended; see `net::socket_options`. Node: allowHalfOpen.
    bool allow_half_open = false;
    /// Send probes on idle connections. Node: keepAlive.
    bool keep_alive = false;
    /// Idle time before the first probe. Node: keepAliveInitialDelay.
    std::chrono::seconds keep_alive_initial_delay = {};
    /// Connections at once, those included that are given up and still send; of these the oldest are reset when room is
    /// needed. More are reset as they come. 0: no limit. Node: server.maxConnections.
    std::size_t max_connections = 0;
    /// Send small writes at once. Node: noDelay.
    bool no_delay = false;
};

/// Where a server listens.
/// Node: options of server.listen.
struct listen_options {
    /// Connections that the kernel keeps while they wait to be accepted. Node: backlog.
    int backlog = 511;
    /// An IP address, or "localhost" for 127.0.0.1; empty: every address of this host, IPv6 and IPv4. Node: host.
    std::string host = {};
    /// Where `host` is empty or IPv6: do not take IPv4 connections. Node: ipv6Only.
    bool ipv6_only = false;
    /// A Unix socket instead of host and port; the file is removed when the server closes. Node: path.
    std::string path = {};
    /// 0: the system picks one, which `address()` tells. Node: port.
    std::uint16_t port = 0;
    /// Let other sockets, of other threads or processes, listen on the same port; the kernel spreads the connections.
    bool reuse_port = false;
};

namespace internal {

class server_state;

/// As `give_the_socket_a_name_before_you_await_it`.
struct give_the_server_a_name_before_you_await_it {};

/// Makes a connection ready, and gives what then serves it. What it needed for that is freed before that begins to run.
using connection_opener = std::function<task<task<>>(socket)>;

/// Waits until a server is closed and its last connection has ended.
class closed_wait final : public coil::internal::waiter {
public:
    explicit closed_wait(server_state* of) noexcept : of_(of) {}

    /// Also where the coroutine was stopped.
    bool await_ready() noexcept;
    result<> await_resume() const noexcept { return outcome_result(); }

private:
    bool start() noexcept override;

    server_state* of_;
};

}  // namespace internal

/// Accepts connections and runs a coroutine for each.
///
/// Destroying a server stops it at once, with all its connections; `close()` lets these finish, and so does `shutdown()` for
/// a while. A server that listens also closes when its loop drains, as on a signal: see `loop::begin_drain`.
/// Mistake: a connection's handler must not destroy the server; builds with assertions stop the program.
/// Node: net.Server.
class server {
public:
    /// Runs for one connection. An exception that leaves it ends that connection only and goes to `on_uncaught`.
    using connection_handler = handler<void(socket)>;

    server(server&& other) noexcept;
    server& operator=(server&& other) noexcept;
    ~server();

    /// Begins to listen. Once it has failed or was closed it may be called again.
    /// Errors: `errc::already_listening`, `errc::already_in_progress` during a `shutdown`, `errc::name_too_long`,
    ///         `errc::host_not_found` for any other host than an address or "localhost", since names are not looked up here;
    ///         the system's (EADDRINUSE, EACCES, EADDRNOTAVAIL). `info()` names the address.   Node: listen and 'listening'.
    detailed_result<> listen(const listen_options& options);

    /// Where it listens; none when it does not.   Node: address().
    std::optional<net::address> address() const;
    /// Node: listening.
    bool listening() const noexcept;
    /// Connections that have not ended.   Node: getConnections.
    std::size_t connections() const noexcept;

    /// Accepts no more; connections that are open go on.
    /// Errors: `errc::server_not_running`.   Node: close.
    result<> close() noexcept;

    /// Waits until the server is closed and its last connection has ended.
    /// Errors: `errc::canceled`; `errc::destroyed` where the server is.   Overlap: any number of coroutines may wait.
    /// Node: 'close'.
    coil::internal::awaitable<internal::closed_wait, internal::server_state*> closed() & noexcept
    {
        return coil::internal::awaitable<internal::closed_wait, internal::server_state*>(&state());
    }

    /// A server without a name is not awaited: on g++ 12 its options would be destroyed twice.
    coil::internal::awaitable<internal::closed_wait, internal::server_state*>
    closed(internal::give_the_server_a_name_before_you_await_it = {}) && = delete;

    /// Closes the server and lets its connections finish, but no longer than `grace`: those that are open then are stopped
    /// as by `request_stop()`, and what goes on a second later is destroyed wherever it waits.
    ///
    /// A stop of the awaiting coroutine ends the grace at once; the rest still happens. Whether the server listened before
    /// makes no difference, and when this is over it may listen again. A handler may await it too and is then one of those
    /// that are cut off.
    /// @return how many connections had not ended by themselves.
    /// Overlap: any number; the first grace that is over counts.   Node: server.close() and closeAllConnections().
    task<std::size_t> shutdown(std::chrono::nanoseconds grace) &;

    /// What the three below are given may be a function or a coroutine. A coroutine belongs to the server: it is stopped and
    /// destroyed as its connections are, and must not destroy the server. An exception that leaves one goes to the loop's
    /// `on_uncaught`, and without that ends the program; one that leaves a function ends it in any case.

    /// Called with an exception that left a connection handler, when that is gone: a function may close the server or destroy it.
    /// Without it the exception goes to the loop's `on_uncaught`, and where there is none a line goes to stderr.
    void on_uncaught(handler<void(std::exception_ptr)> call);
    /// Called when a connection is refused because of `max_connections`.   Node: 'drop'.
    void on_drop(handler<void()> call);

    /// Called when the listening socket cannot accept any more; the server is closed by then, connections that are open go on.
    /// A listening socket fails so only when somebody else closes its descriptor or takes the socket away.
    /// Node: 'error'.
    void on_error(handler<void(std::error_code)> call);

    /// Stops the tasks of the connections that are open now: their waits end with `errc::canceled`.
    void request_stop() noexcept;

private:
    friend server create_server(server_options options, connection_handler handler);
    friend server create_server(server_options options, internal::connection_opener opener);
    explicit server(std::unique_ptr<internal::server_state> state) noexcept;

    internal::server_state& state() const noexcept;

    std::unique_ptr<internal::server_state> state_;
};

/// A server that does not listen yet.
/// Throws: `std::invalid_argument` for an empty handler.
/// Node: net.createServer.
server create_server(server_options options, server::connection_handler handler);
/// For coil's own modules.
server create_server(server_options options, internal::connection_opener opener);

}  // namespace coil::net
