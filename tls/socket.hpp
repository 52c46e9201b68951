#pragma once

#include <coil/net/address.hpp>
#include <coil/net/internal/stream_core.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>
#include <coil/tls/alpn_protocol_list.hpp>
#include <coil/tls/constants.hpp>
#include <coil/tls/error.hpp>
#include <coil/tls/negotiated.hpp>
#include <coil/tls/question_handlers.hpp>
#include <coil/tls/secure_context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace coil::tls {

struct connect_options;

namespace internal {
class connection;
struct connect_plan;
}  // namespace internal

/// How a TLS socket is put around a connection that exists already.
/// Node: options of new tls.TLSSocket.
struct socket_options {
    /// Stay open for writing when the peer has ended. Otherwise a read that reports the end ends this side too, behind what
    /// was written. Node: allowHalfOpen.
    bool allow_half_open = false;
    /// Take the end of the connection without close_notify for an orderly end. For protocols that mark their own end.
    bool allow_truncation = false;
    /// Server: chooses the application protocol, in place of `alpn_protocols`. Node: ALPNCallback.
    alpn_handler alpn_callback = {};
    /// Application protocols in falling preference. Node: ALPNProtocols.
    alpn_protocol_list alpn_protocols = {};
    /// Client: replaces `tls::check_server_identity`. Node: checkServerIdentity.
    server_identity_handler check_server_identity = {};
    /// Client: chooses the certificate for a server that asks for one.
    client_certificate_handler client_certificate_callback = {};
    /// Server: chooses what counts by the ClientHello; in place of `sni_callback`.
    client_hello_handler client_hello_callback = {};
    /// For each handshake, that of a renegotiation included, from its first step on. 0: no limit.
    /// Node: has none here; handshakeTimeout of a server.
    std::chrono::milliseconds handshake_timeout = default_handshake_timeout;
    /// Client: the name or address that the certificate must cover, if `servername` is empty. Both empty: "localhost".
    std::string host = {};
    /// Node: isServer.
    bool is_server = false;
    /// Server: what to staple, where a client asks. Node: 'OCSPRequest' of the server.
    ocsp_request_handler on_ocsp_request = {};
    /// Client: a word on what the server stapled, or on its having stapled nothing; with `request_ocsp` or `verify_ocsp`.
    /// Node: 'OCSPResponse'.
    ocsp_response_handler on_ocsp_response = {};
    /// Client: proposes a key; see `connect_options::psk_callback`. Node: pskCallback.
    psk_handler psk_client_callback = {};
    /// Server: with `psk_server_callback`; see `server_options::psk_identity_hint`. Node: pskIdentityHint.
    std::string psk_identity_hint = {};
    /// Server: knows keys; see `server_options::psk_callback`. Node: pskCallback.
    psk_server_handler psk_server_callback = {};
    /// Refuse a peer that is not verified, inside the handshake. If not, `authorized()` tells. Node: rejectUnauthorized.
    bool reject_unauthorized = true;
    /// Server: ask for a client certificate. Node: requestCert.
    bool request_cert = false;
    /// Client: ask for a stapled OCSP response. Node: requestOCSP.
    bool request_ocsp = false;
    /// A context, or options for one; empty: the default. Node: secureContext.
    tls::secure_context secure_context = {};
    /// Client: the name to send and to check. An IP address is checked, never sent. Node: servername.
    std::string servername = {};
    /// Server: chooses what counts for the name that a client asks for. Node: SNICallback.
    sni_handler sni_callback = {};
    /// Client: what a stapled OCSP response is held to; asks for one unless it is off.
    ocsp_policy verify_ocsp = ocsp_policy::off;
    /// The last word on the peer's certificate.
    verification_handler verify_peer = {};
};

/// A TLS connection: what is written is encrypted, what is read was decrypted and authenticated.
///
/// Reads and writes may be in flight together, from any coroutines of the loop; writes queue, and the bytes of one lie
/// together. Cancelling any of them leaves the socket usable and loses no byte. A read or write before the handshake is done
/// takes part in it; while `secure_connect` is still connecting they wait. After a fatal error the alert is sent and the
/// connection closed; every later call gives the same error.
///
/// The peer sees an orderly end (close_notify, then FIN) if and only if this side said so: by `end()` or `shutdown()`, or
/// by reading the peer's own end without `allow_half_open` where no write was given up before. What was written then is
/// still sent after the socket is gone, as long as the peer takes some of it every half minute. A socket that goes
/// without that, by its scope, a stop or an exception, is cut off: what was written may still leave, no close_notify
/// follows, and the connection is reset.
///
/// Awaiting needs a named socket: g++ 12 destroys the options in `co_await connect({…}).secure_connect()` twice, so that form
/// does not compile. A socket may outlive its loop, and is of no use then.
/// Node: tls.TLSSocket.
class socket final : public negotiated {
public:
    /// Node: encrypted.
    static constexpr bool encrypted = true;

    /// Runs TLS over `plain`, which must be connected; bytes that it has received already are read first. The handshake
    /// begins with `secure_connect()` or the first read or write.
    /// Throws: `tls::error` ERR_INVALID_ARG_VALUE for an option of the other role; as `create_secure_context`.
    /// Node: new tls.TLSSocket.
    socket(net::socket plain, socket_options options);
    socket(socket&& other) noexcept;
    socket& operator=(socket&& other) noexcept;
    ~socket();

    /// Connects, where `tls::connect` made the socket, and takes the handshake to its end; on a server's socket too.
    ///
    /// A client has then verified the server's certificate and that it covers the host.
    /// Errors: those of `net::socket::connect`; TLS failures, of which `error_info()` tells more; `tls::errc::handshake_timeout`;
    ///         `errc::canceled`, after which it may be called again; `errc::destroyed` where the socket goes meanwhile.
    /// Overlap: one at a time.   Node: 'secureConnect'.
    task<detailed_result<>> secure_connect() &;

    /// Reads decrypted bytes into `buffer`; completes as soon as there is at least one.
    /// @param buffer  not empty; owned by the caller; valid until the await completes.
    /// @return bytes read, 1 … buffer.size().
    /// Errors: `errc::end_of_stream` after close_notify; `tls::errc::truncated` where the connection ended without it;
    ///         `errc::reset`, `errc::canceled`, `errc::already_in_progress`, `errc::destroyed`; a failed handshake or record.
    /// Overlap: one read and one write; never two reads.   Node: 'data' and 'end'.   RFC 8446 §6.1.
    net::internal::read_awaitable read(std::span<std::byte> buffer) & noexcept;

    /// Waits until a read need not wait, so that a connection holds no buffer while it is idle.
    ///
    /// What has come may turn out to be no data, such as a session ticket; a read then waits after all.
    /// Errors: `errc::canceled`, `errc::already_in_progress`, `errc::destroyed`; a failed handshake. An end of the stream
    ///         is told by the read that follows.
    /// Overlap: as `read`.   Node: 'readable'.
    net::internal::readable_awaitable readable() & noexcept;

    /// Encrypts `bytes`; completes when they are sealed and the queue to the kernel is short enough to go on. Everything
    /// written in one turn of the loop leaves together.
    /// @param bytes  valid until the await completes.
    /// @return bytes.size(); fewer only if the wait was stopped midway.
    /// Errors: `errc::write_after_end`, `errc::reset`, the system's (EPIPE), `errc::canceled` with nothing written,
    ///         `errc::destroyed`; a failed handshake. A failure to send is reported by the next write, `drained` or `end`.
    /// Overlap: any number; each begins when those before it are done.   Node: write and 'drain'.
    net::internal::write_awaitable write(std::span<const std::byte> bytes) & noexcept;
    /// The same for text.
    net::internal::write_awaitable write(std::string_view text) & noexcept;
    /// Writes all `pieces`, which stay valid until the await completes; small ones share a record.
    net::internal::gather_awaitable write(std::span<const std::span<const std::byte>> pieces) & noexcept;

    /// Waits until the kernel has taken everything that was written.
    /// Overlap: queues with the writes.
    net::internal::drain_awaitable drained() & noexcept;

    /// Sends close_notify behind what was written and behind the writes that wait, ends the sending side and waits until that
    /// has left. Reading goes on.
    /// Errors: what kept the rest from leaving; `errc::canceled`: it leaves all the same, unless a write before it was given
    ///         up, which leaves nothing to be ended in order.
    /// Overlap: queues with the writes.   Node: end.   RFC 8446 §6.1.
    net::internal::drain_awaitable end() & noexcept;

    /// Ends, then waits for the peer's close_notify; what arrives until then is dropped.
    /// @param limit  for the whole of it.
    /// Errors: `errc::timed_out`, `tls::errc::truncated`, those of `end`.
    task<result<>> shutdown(std::chrono::milliseconds limit) &;

    /// Closes at once, with a reset unless the end has left; drops what was not sent. Waits on the socket end with
    /// `errc::destroyed`.   Node: destroy.
    void destroy() noexcept;
    /// The same with a reset in any case.   Node: resetAndDestroy.
    void reset_and_destroy() noexcept;

    /// A socket without a name is not awaited.
    /// @{
    task<detailed_result<>> secure_connect(net::internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    net::internal::read_awaitable read(std::span<std::byte>,
                                       net::internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    net::internal::readable_awaitable
    readable(net::internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    net::internal::write_awaitable write(std::span<const std::byte>,
                                         net::internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    net::internal::write_awaitable write(std::string_view,
                                         net::internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    net::internal::gather_awaitable write(std::span<const std::span<const std::byte>>,
                                          net::internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    net::internal::drain_awaitable drained(net::internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    net::internal::drain_awaitable end(net::internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    task<result<>> shutdown(std::chrono::milliseconds,
                            net::internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    /// @}

    /// All that is known about the failure that an awaited call reported; `error_info().error` is success before one. It
    /// stays after `destroy()`, while all getters give nothing then.
    tls::error_info error_info() const;

    /// Takes the peer's attempts to renegotiate for an error from now on.   Node: disableRenegotiation.
    void disable_renegotiation() noexcept;

    /// Server, until the ClientHello has been answered: uses the certificates and keys of `context` for this connection. For
    /// `sni_callback` and `alpn_callback`, whose answers may say it too.
    /// Throws: `tls::error` ERR_TLS_INVALID_CONTEXT, ERR_TLS_INVALID_STATE, ERR_INVALID_ARG_VALUE on a client.
    /// Node: setKeyCert.
    void set_key_cert(const secure_context& context);

    /// True until the handshake is done.   Node: secureConnecting.
    bool secure_connecting() const noexcept;
    /// Node: address(), localAddress, localPort.
    std::optional<net::address> local_address() const;
    /// Node: remoteAddress, remotePort.
    std::optional<net::address> remote_address() const;
    /// Node: setNoDelay. On by default.
    result<> set_no_delay(bool on = true) noexcept;
    /// Node: setKeepAlive.
    result<> set_keep_alive(bool on, std::chrono::seconds initial_delay = std::chrono::seconds(0)) noexcept;

private:
    friend socket connect(connect_options options);
    friend class server_access;
    socket(net::internal::core_owner<internal::connection> connection,
           std::unique_ptr<internal::connect_plan> plan) noexcept;

    /// Nothing once the program has destroyed the socket; a connection that failed still answers.
    const internal::engine_state* observed() const noexcept override;

    net::internal::core_owner<internal::connection> connection_;
    std::unique_ptr<internal::connect_plan> plan_;
};

}  // namespace coil::tls
