#pragma once

#include <coil/net/server.hpp>
#include <coil/runtime/handler.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>
#include <coil/tls/alpn_protocol_list.hpp>
#include <coil/tls/constants.hpp>
#include <coil/tls/error.hpp>
#include <coil/tls/question_handlers.hpp>
#include <coil/tls/secure_context.hpp>
#include <coil/tls/socket.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coil::tls {

namespace internal {
class server_state;
}

/// What a TLS server is made of.
/// Node: options of tls.createServer.
struct server_options {
    /// Connections stay open for writing when the peer has ended; see `tls::socket_options`. Node: allowHalfOpen.
    bool allow_half_open = false;
    /// Take the end of a connection without close_notify for an orderly end. For protocols that mark their own end.
    bool allow_truncation = false;
    /// Chooses the application protocol, in place of `alpn_protocols`. Node: ALPNCallback.
    alpn_handler alpn_callback = {};
    /// Application protocols in falling preference. A client that offers some and shares none is refused. Node: ALPNProtocols.
    alpn_protocol_list alpn_protocols = {};
    /// Chooses what counts for each client by its ClientHello, also for one that names no server; in place of `sni_callback` and
    /// of what `add_context` was given.
    client_hello_handler client_hello_callback = {};
    /// For each handshake, from the acceptance of the connection, and for each renegotiation. 0: no limit. Node: handshakeTimeout, where 0 means 120 s.
    std::chrono::milliseconds handshake_timeout = default_handshake_timeout;
    /// Node: keepAlive.
    bool keep_alive = false;
    /// Node: keepAliveInitialDelay.
    std::chrono::seconds keep_alive_initial_delay = {};
    /// Connections at once, those in the handshake included; more are closed as they come. 0: no limit. Node: maxConnections.
    std::size_t max_connections = 0;
    /// ClientHellos that are answered at once; connections above it wait their turn within their `handshake_timeout`, and hold
    /// a descriptor and what they sent, 128 KiB at most. A client counts from its whole ClientHello until the server's answer,
    /// so that one that says nothing, or stops midway, keeps nobody waiting. 0: no limit.
    std::size_t max_handshakes = 0;
    /// Send small writes at once. Node: noDelay.
    bool no_delay = true;
    /// Knows keys that clients propose, which need no certificates then, neither the client nor the server; before TLS 1.3 a
    /// suite with PSK in its name has to be among the `ciphers`. With `request_cert` a client with a key is `authorized()`.
    /// Node: pskCallback.
    psk_server_handler psk_callback = {};
    /// With `psk_callback`: helps clients before TLS 1.3 to choose a key; at most 256 bytes. Node: pskIdentityHint.
    std::string psk_identity_hint = {};
    /// With `request_cert`: refuse clients without a certificate that can be verified. Node: rejectUnauthorized.
    bool reject_unauthorized = true;
    /// Ask clients for a certificate. Node: requestCert.
    bool request_cert = false;
    /// Certificate, key and the rest: a context, or options for one.
    tls::secure_context secure_context = {};
    /// Chooses what counts for the name that a client asks for, in place of what `add_context` was given. Node: SNICallback.
    sni_handler sni_callback = {};
    /// The last word on a client's certificate. Only with `request_cert`, or an `sni_callback`, which may turn that on.
    verification_handler verify_peer = {};
};

/// Accepts TLS connections and runs a coroutine for each, once its handshake is done.
///
/// A handshake never holds up other connections for longer than one of its steps, and while there is other work for the
/// thread, handshakes get half of its time together. Destroying a server stops it at once, with all its connections; `close()`
/// lets these finish.
/// Node: tls.Server.
class server {
public:
    /// Runs for one secure connection. An exception that leaves it ends that connection only and goes to `on_uncaught`.
    /// Node: 'secureConnection'.
    using connection_handler = handler<void(socket)>;

    server(server&& other) noexcept;
    server& operator=(server&& other) noexcept;
    ~server();

    /// Begins to listen.   Errors: as `net::server::listen`.   Node: listen.
    detailed_result<> listen(const net::listen_options& options);
    /// Where it listens; none when it does not.   Node: address().
    std::optional<net::address> address() const;
    /// Node: listening.
    bool listening() const noexcept;
    /// Connections that have not ended, those in the handshake included.   Node: getConnections.
    std::size_t connections() const noexcept;
    /// Accepts no more; connections that are open go on.   Errors: `errc::server_not_running`.   Node: close.
    result<> close() noexcept;
    /// Waits until the server is closed and its last connection has ended.
    /// Errors: `errc::canceled`; `errc::destroyed` where the server is.   Node: 'close'.
    coil::internal::awaitable<net::internal::closed_wait, net::internal::server_state*> closed() & noexcept;
    /// A server without a name is not awaited.
    coil::internal::awaitable<net::internal::closed_wait, net::internal::server_state*>
    closed(net::internal::give_the_server_a_name_before_you_await_it = {}) && = delete;
    /// Closes the server and lets its connections finish, but no longer than `grace`: as `net::server::shutdown`.
    /// @return how many connections had not ended by themselves, those in the handshake included.
    task<std::size_t> shutdown(std::chrono::nanoseconds grace) &;
    /// Stops the tasks of all open connections: their waits end with `errc::canceled`.
    void request_stop() noexcept;

    /// Uses `context` from now on for clients that ask for a name that `hostname` matches: everything of it counts,
    /// certificate, trust, versions and ciphers. `*` stands for any run of characters without a dot. The latest match wins.
    /// Throws: `tls::error` ERR_TLS_REQUIRED_SERVER_NAME for an empty name, ERR_TLS_INVALID_CONTEXT for an empty context.
    /// Node: addContext.
    void add_context(std::string_view hostname, secure_context context);
    /// The same with a context made of `options`. Throws: also as `create_secure_context`.
    void add_context(std::string_view hostname, const secure_context_options& options);
    /// Uses a context made of `options` for later connections. When it throws, the old context stays.
    /// Throws: as `create_secure_context`.   Node: setSecureContext.
    void set_secure_context(const secure_context_options& options);
    /// The same with a context made before. Throws: `tls::error` ERR_TLS_INVALID_CONTEXT for an empty one.
    void set_secure_context(secure_context context);

    /// Asked for the OCSP response to staple, where a client wants one; for connections that come from now on. It gets the
    /// certificate in use and its issuer, none where that is not known; `tls::ocsp_request` makes the question for a responder.
    /// Node: 'OCSPRequest'.   RFC 6066 §8.
    void on_ocsp_request(ocsp_request_handler call);
    /// Called once for a connection that failed before it was secure; the socket is closed. Node: 'tlsClientError'.
    /// While a coroutine goes on the connection counts as open.
    void on_tls_client_error(handler<void(error_info what, const socket& failed)> call);
    /// Called with an exception that left a connection handler, when that is gone: as `net::server::on_uncaught`.
    void on_uncaught(handler<void(std::exception_ptr)> call);
    /// Called when a connection is refused because of `max_connections`.   Node: 'drop'.
    void on_drop(handler<void()> call);
    /// Called when the listening socket cannot accept any more: see `net::server::on_error`.   Node: 'error'.
    void on_error(handler<void(std::error_code)> call);

private:
    friend server create_server(server_options options, connection_handler handler);
    explicit server(std::unique_ptr<internal::server_state> state) noexcept;

    internal::server_state& state() const noexcept;

    std::unique_ptr<internal::server_state> state_;
};

/// A server that does not listen yet.
/// Throws: as `create_secure_context`; `std::invalid_argument` for an empty handler.   Node: tls.createServer.
server create_server(server_options options, server::connection_handler handler);

}  // namespace coil::tls
