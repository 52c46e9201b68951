#pragma once

#include <coil/tls/certificate.hpp>
#include <coil/tls/error.hpp>
#include <coil/tls/secure_context.hpp>
#include <coil/tls/server_identity.hpp>

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coil::tls {

namespace internal {
class engine_state;
struct engine_access;
/// Ends the state of an engine; once its step is over, if a handler that the step asked lets go of the engine.
struct engine_state_end {
    void operator()(engine_state* state) const noexcept;
};
}  // namespace internal

/// Which side of the connection.
enum class role { client, server };

/// What a step of the engine came to.
enum class status {
    done,         ///< The step is complete.
    want_input,   ///< More ciphertext is needed: flush the output, then feed or lend what the transport brings.
    want_answer,  ///< A question is open: see `engine::question()`.
    closed,       ///< The peer ended its side with close_notify.
    error,        ///< See `engine::error_info()`. Flush the output: it may hold an alert.
};

/// What a read or write came to, and how many bytes of plaintext it moved.
struct progress {
    tls::status status = status::done;
    std::size_t bytes = 0;
};

/// Application protocols in falling preference.
/// Node: ALPNProtocols.   RFC 7301.
class alpn_protocol_list {
public:
    alpn_protocol_list() = default;
    /// Throws: `tls::error` ERR_OUT_OF_RANGE for a name of more than 255 bytes, ERR_INVALID_ARG_VALUE for an empty one and
    ///         for a list that is too long to be sent.
    alpn_protocol_list(std::initializer_list<std::string_view> names);
    alpn_protocol_list(const std::vector<std::string>& names);
    /// The list as it stands on the wire: a length byte and a name, repeated.
    /// Throws: `tls::error` ERR_INVALID_ARG_VALUE if it is malformed.
    alpn_protocol_list(std::span<const std::byte> wire);

    bool empty() const noexcept { return wire_.empty(); }
    /// The list as it stands on the wire.
    const std::string& wire() const noexcept { return wire_; }

private:
    void add(std::string_view name);
    void check_size() const;

    std::string wire_;
};

/// How one connection is to behave; several may share it.
struct engine_options {
    /// Take the end of the transport without close_notify for an orderly end. For protocols that mark their own end.
    bool allow_truncation = false;
    /// Node: ALPNProtocols.
    alpn_protocol_list alpn_protocols = {};
    /// Server: ask about the server name and wait for `engine::answer`, instead of calling `sni_callback`.
    bool ask_servername = false;
    /// Client: replaces `check_server_identity`. Called once, when the chain is verified. Node: checkServerIdentity.
    std::function<std::optional<identity_error>(std::string_view host, const certificate& cert)> check_server_identity =
        {};
    /// Client: the name or address that the certificate must cover, if `servername` is empty. Both empty: "localhost".
    std::string host = {};
    /// Refuse a peer that is not verified, inside the handshake, with an alert. Node: rejectUnauthorized.
    bool reject_unauthorized = true;
    /// Server: ask for a client certificate. Node: requestCert.
    bool request_cert = false;
    /// Client: the name to send and to check. An IP address is checked, never sent. Node: servername.
    std::string servername = {};
    /// Server: chooses the context for a name; an empty one means the engine's own. Asked when the client sent a name.
    /// Node: SNICallback.
    std::function<secure_context(std::string_view servername)> sni_callback = {};
};

/// The negotiated cipher suite.
/// Node: tlsSocket.getCipher.
struct cipher_info {
    std::string name;           ///< OpenSSL's name, "ECDHE-RSA-AES128-GCM-SHA256".
    std::string standard_name;  ///< IANA's name, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".
    std::string version;        ///< The lowest protocol that has it.
};

/// What the handshake wants to know.
enum class question { none, servername };

/// One TLS connection without any I/O: ciphertext goes in and comes out, plaintext goes in and comes out.
///
/// The owner moves the bytes. After every call it sends `output()`, and where a call says `want_input` it feeds or lends
/// what arrived and calls again.
/// ```
/// while (engine.handshake() == status::want_input) { send(engine.output()); …; engine.feed(receive()); }
/// ```
/// The peer may send messages that carry no data, such as new keys, which are answered into the output. At most 32 come in
/// a row before the connection ends with `errc::too_many_messages`; do not read on while much output has not left.
///
/// Overlap: none; one thread at a time. A handler may not call the engine that asks it: `handshake`, `read`, `write` and
/// `shutdown` then give `error` with `errc::called_from_handler` and change nothing. It may destroy the engine, whose step
/// then ends with `error`.
/// Node: replaces SecurePair.
class engine {
public:
    /// @param context  not empty.
    /// Throws: `tls::error` ERR_TLS_INVALID_CONTEXT, or ERR_INVALID_ARG_VALUE for a name that cannot be sent, an option of
    ///         the other role, or more authorities than a request for client certificates can name.
    engine(secure_context context, tls::role role, engine_options options = {});
    /// @param options  not null; shared by many engines.
    engine(secure_context context, tls::role role, std::shared_ptr<const engine_options> options);
    engine(engine&& other) noexcept;
    engine& operator=(engine&& other) noexcept;
    ~engine();

    /// Takes the handshake as far as it goes. After `done`, `done` again.
    status handshake();

    /// Decrypts into `buffer` until it is full or the input is used up; goes through the handshake first where needed.
    /// @return `done` with 1 … buffer.size() bytes, or another status with none. `closed` after close_notify; `error` with
    ///         `errc::truncated` at the end of the transport without it.
    progress read(std::span<std::byte> buffer);

    /// Encrypts `bytes` into the output, all of them unless the status is not `done`. While the peer renegotiates it gives
    /// `want_input`; where `pending()` then, `read` has to take what came before the peer's next message.
    /// @return how many were taken; continue behind them. Errors: `coil::errc::write_after_end` after `shutdown()`.
    progress write(std::span<const std::byte> bytes);

    /// Puts close_notify into the output; from then on nothing can be written, and reading goes on. RFC 8446 §6.1.
    status shutdown();

    /// Copies ciphertext from the transport into the engine.
    void feed(std::span<const std::byte> ciphertext);

    /// Lets the engine read ciphertext in place. Bytes given to `feed` before are read first.
    /// Lifetime: the bytes stay untouched until `reclaim()`; one loan at a time.
    void lend(std::span<const std::byte> ciphertext) noexcept;
    /// How many bytes of the loan have not been read.
    std::size_t unread() const noexcept;
    /// Ends the loan. @return how many bytes were not read; they stay the caller's and belong into the next loan.
    std::size_t reclaim() noexcept;

    /// Says that the transport ended: no input will follow.
    void end_of_input() noexcept;

    /// Ciphertext for the transport: the first run of bytes that lie together; empty when there is none.
    std::span<const std::byte> output() const noexcept;
    /// Bytes of output in all.
    std::size_t output_size() const noexcept;
    /// Drops the first `bytes` of the output: they were sent.
    void consume_output(std::size_t bytes) noexcept;

    /// The question that a step waits for with `want_answer`.
    tls::question question() const noexcept;
    /// Answers `question::servername`. @param context  empty for the engine's own.
    void answer(secure_context context);
    /// Answers any question with a failure, which ends the handshake with an alert.
    void answer(std::exception_ptr failure);

    /// What went wrong, after `status::error`.
    const tls::error_info& error_info() const noexcept;

    tls::role role() const noexcept;
    bool handshake_done() const noexcept;
    /// Whether plaintext can be read without more input.
    bool pending() const noexcept;
    /// Whether close_notify was put into the output.
    bool shutdown_sent() const noexcept;

    /// Whether the peer's certificate was verified (and, on a client, covers the host). Node: tlsSocket.authorized.
    bool authorized() const noexcept;
    /// Why not; none if it was, or if nobody asked for a certificate. Node: tlsSocket.authorizationError.
    std::optional<std::string> authorization_error() const;
    /// Node: tlsSocket.alpnProtocol.
    std::optional<std::string_view> alpn_protocol() const noexcept;
    /// The name the client sent. Node: tlsSocket.servername.
    std::optional<std::string_view> servername() const noexcept;
    /// "TLSv1.3"; "unknown" before the handshake is done. Node: tlsSocket.getProtocol.
    std::string_view get_protocol() const noexcept;
    /// None before the handshake is done. Node: tlsSocket.getCipher.
    std::optional<cipher_info> get_cipher() const;
    /// None if the peer sent none; also the one that was refused. @param detailed  add the issuers.
    /// Node: tlsSocket.getPeerCertificate.
    std::optional<certificate> get_peer_certificate(bool detailed = false) const;
    /// This side's own. Node: tlsSocket.getCertificate.
    std::optional<certificate> get_certificate() const;
    /// Node: tlsSocket.isSessionReused.
    bool is_session_reused() const noexcept;
    /// The Finished message sent; none before. Node: tlsSocket.getFinished.
    std::optional<std::vector<std::byte>> get_finished() const;
    /// The Finished message received; none before. Node: tlsSocket.getPeerFinished.
    std::optional<std::vector<std::byte>> get_peer_finished() const;
    /// Key material that both ends can derive and nobody else.
    /// Throws: `tls::error` ERR_TLS_INVALID_STATE before the handshake is done, ERR_OUT_OF_RANGE for a length of 0.
    /// Node: tlsSocket.exportKeyingMaterial.   RFC 5705, RFC 8446 §7.5.
    std::vector<std::byte>
    export_keying_material(std::size_t length, std::string_view label,
                           std::optional<std::span<const std::byte>> context = std::nullopt) const;

    /// Takes the peer's attempts to renegotiate for an error from now on, which the alert no_renegotiation tells it.
    /// Node: tlsSocket.disableRenegotiation.
    void disable_renegotiation() noexcept;

private:
    friend struct internal::engine_access;

    std::unique_ptr<internal::engine_state, internal::engine_state_end> state_;
};

}  // namespace coil::tls
