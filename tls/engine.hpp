#pragma once

#include <coil/tls/alpn_protocol_list.hpp>
#include <coil/tls/error.hpp>
#include <coil/tls/negotiated.hpp>
#include <coil/tls/question.hpp>
#include <coil/tls/secure_context.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace coil::tls {

namespace internal {
class engine_state;
struct engine_access;
}  // namespace internal

/// Which side of the connection.
enum class role { client, server };

/// What a step of the engine came to.
enum class status {
    done,         ///< The step is complete.
    want_input,   ///< More ciphertext is needed: flush the output, then feed or lend what the transport brings.
    want_answer,  ///< A question is open: see `engine::asked()`.
    closed,       ///< The peer ended its side with close_notify.
    error,        ///< See `engine::error_info()`. Flush the output: it may hold an alert.
};

/// What a read or write came to, and how many bytes of plaintext it moved.
struct progress {
    tls::status status = status::done;
    std::size_t bytes = 0;
};

/// How one connection is to behave; several may share it.
struct engine_options {
    /// Take the end of the transport without close_notify for an orderly end. For protocols that mark their own end.
    bool allow_truncation = false;
    /// Node: ALPNProtocols.
    alpn_protocol_list alpn_protocols = {};
    /// What a handshake stops for with `want_answer`. Node: SNICallback, ALPNCallback, checkServerIdentity.
    question_set ask = {};
    /// Client: the name or address that the certificate must cover, if `servername` is empty. Both empty: "localhost".
    std::string host = {};
    /// Server: helps clients before TLS 1.3 to choose a key; at most 256 bytes. Node: pskIdentityHint.
    std::string psk_identity_hint = {};
    /// Refuse a peer that is not verified, inside the handshake, with an alert. Node: rejectUnauthorized.
    bool reject_unauthorized = true;
    /// Server: ask for a client certificate. Node: requestCert.
    bool request_cert = false;
    /// Client: ask for a stapled OCSP response. Node: requestOCSP.
    bool request_ocsp = false;
    /// Client: the name to send and to check. An IP address is checked, never sent. Node: servername.
    std::string servername = {};
    /// Client: what a stapled OCSP response is held to; asks for one unless it is off.
    ocsp_policy verify_ocsp = ocsp_policy::off;
};

/// One TLS connection without any I/O: ciphertext goes in and comes out, plaintext goes in and comes out.
///
/// The owner moves the bytes. After every call it sends `output()`, and where a call says `want_input` it feeds or lends
/// what arrived and calls again.
/// ```
/// while (engine.handshake() == status::want_input) { send(engine.output()); …; engine.feed(receive()); }
/// ```
/// Where a handshake waits to be told something it gives `want_answer`, and so does every other call until it is answered:
/// whether by a look at a table or after a minute makes no difference.
/// ```
/// if (const auto* hello = std::get_if<client_hello>(&engine.asked())) engine.answer(context_for(hello->servername));
/// ```
/// A context with a `signer` has a `signature_request` asked, whatever `ask` says. What is asked once is not asked again on
/// that connection, but for keys, signatures, a peer's verification and its staple, which each renegotiation has. Bytes may
/// be fed and taken meanwhile. An engine that is destroyed with a question open refuses it.
///
/// The peer may send messages that carry no data, such as new keys, which are answered into the output. At most 32 come in
/// a row before the connection ends with `errc::too_many_messages`; do not read on while much output has not left.
///
/// Overlap: none; one thread at a time, and as long as a question is open the same one.
/// Node: replaces SecurePair.
class engine final : public negotiated {
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

    /// What a step waits for with `want_answer`; `std::monostate` where it waits for nothing of the kind.
    /// Lifetime: until it is answered.
    const tls::question& asked() const noexcept;
    /// Answers what was asked; the next call goes on with the handshake.
    /// Throws: `tls::error` ERR_TLS_INVALID_STATE where something else was asked, or nothing.
    /// @{
    void answer(sni_answer to_client_hello);
    void answer(alpn_answer to_alpn_request);
    void answer(std::optional<identity_error> to_server_identity_request);
    void answer(verdict on_peer_verification);
    void answer(staple_answer to_certificate_status_request);
    void answer(ocsp_verdict on_stapled_response);
    void answer(std::optional<tls::psk_identity> to_psk_request);
    void answer(std::optional<psk_key> to_psk_identity_request);
    void answer(signature to_signature_request);
    void answer(client_certificate to_client_certificate_request);
    /// @}
    /// Refuses whatever was asked, which ends the handshake with an alert and `errc::handshake_refused`.
    /// Throws: `tls::error` ERR_TLS_INVALID_STATE where nothing was asked.
    void refuse();
    /// The same because of an exception: `errc::handler_failed`.
    void fail(std::exception_ptr thrown);

    /// Server, until the ClientHello and the ALPN request have been answered, when the certificate is chosen: uses the
    /// certificates and keys of `context` for this connection.
    /// Throws: `tls::error` ERR_TLS_INVALID_CONTEXT, ERR_TLS_INVALID_STATE, ERR_INVALID_ARG_VALUE on a client.
    /// Node: setKeyCert.
    void set_key_cert(const secure_context& context);

    /// What went wrong, after `status::error`.
    const tls::error_info& error_info() const noexcept;

    tls::role role() const noexcept;
    bool handshake_done() const noexcept;
    /// Whether plaintext can be read without more input.
    bool pending() const noexcept;
    /// Whether close_notify was put into the output.
    bool shutdown_sent() const noexcept;

    /// Takes the peer's attempts to renegotiate for an error from now on, which the alert no_renegotiation tells it.
    /// Node: tlsSocket.disableRenegotiation.
    void disable_renegotiation() noexcept;

private:
    friend struct internal::engine_access;

    const internal::engine_state* observed() const noexcept override { return state_.get(); }

    std::unique_ptr<internal::engine_state> state_;
};

}  // namespace coil::tls
