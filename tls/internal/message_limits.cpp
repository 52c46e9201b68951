#include <coil/tls/internal/message_limits.hpp>

#include <coil/tls/constants.hpp>
#include <coil/tls/internal/engine_state.hpp>

#include <array>
#include <new>

namespace coil::tls::internal {

void message_limits::install(SSL_CTX* context) noexcept
{
    SSL_CTX_set_msg_callback(context, on_message);
}

/// Every record and every message, each before OpenSSL acts on it.
void message_limits::on_message(int written, int /*version*/, int kind, const void* bytes, std::size_t size, SSL* ssl,
                                void* /*argument*/) noexcept
{
    if (kind != SSL3_RT_HANDSHAKE || written != 0 || size == 0)
        return;
    engine_state& engine = engine_state::of(ssl);
    if (engine.handshake_done)
        engine.limits.message_arrived(engine, *static_cast<const unsigned char*>(bytes));
}

/// What `attack` is to be if the peer asks for another handshake now; nothing if it may.
std::optional<errc> message_limits::refuse_renegotiation(bool is_server) noexcept
{
    if (renegotiation_disabled_)
        return errc::renegotiation_disabled;
    if (!is_server)
        return std::nullopt;
    const settings limits = defaults();
    const auto now = std::chrono::steady_clock::now();
    if (now - last_handshake_ >= limits.client_reneg_window)
        renegotiations_ = 0;
    last_handshake_ = now;
    if (++renegotiations_ > limits.client_reneg_limit)
        return errc::session_attack;
    return std::nullopt;
}

void message_limits::message_arrived(engine_state& engine, unsigned char type) noexcept
{
    if (attack_)
        return;
    SSL* const ssl = engine.ssl.get();
    ++messages_in_step_;
    const bool has_renegotiation = SSL_version(ssl) < TLS1_3_VERSION;
    const bool greets =
        has_renegotiation && type == (engine.is_server() ? SSL3_MT_CLIENT_HELLO : SSL3_MT_HELLO_REQUEST);
    if (greets)
        attack_ = refuse_renegotiation(engine.is_server());
    // The messages of a renegotiation have an order and an end; a server limits how many there are of those.
    const bool counts = has_renegotiation ? type == SSL3_MT_HELLO_REQUEST : true;
    if (!attack_ && counts && ++messages_without_data_ > most_messages)
        attack_ = errc::too_many_messages;
    if (!attack_)
        return;
    engine.bytes.input.clear();
    engine.bytes.lent = {};
    // A client in the middle of a handshake skips further requests for one and answers nothing.
    if (has_renegotiation && (engine.is_server() || SSL_get_state(ssl) == TLS_ST_CR_HELLO_REQ)) {
        SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);  // OpenSSL answers with the alert that is meant for this
        return;
    }
    // OpenSSL has no function that sends an alert. It sends "unexpected message" to who sends a record in clear text.
    constexpr std::array<std::uint8_t, 6> forbidden{SSL3_RT_HANDSHAKE, 3, 3, 0, 1, 0};
    try {
        engine.bytes.input.append(std::as_bytes(std::span(forbidden)));
    } catch (const std::bad_alloc&) {
        return;  // it ends without an alert
    }
}

}  // namespace coil::tls::internal
