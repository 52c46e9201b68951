#include <coil/tls/internal/alerts.hpp>

#include <coil/tls/internal/engine_state.hpp>

namespace coil::tls::internal {
namespace {

void on_info(const SSL* ssl, int where, int value) noexcept
{
    engine_state& engine = engine_state::of(ssl);
    if (where & SSL_CB_ALERT) {
        constexpr int fatal = 2;
        // no_renegotiation is a warning by definition
        const bool farewell = engine.limits.attack() && (where & SSL_CB_WRITE);
        if (value >> 8 != fatal && !farewell)
            return;
        engine.alert.fatal = static_cast<std::uint8_t>(value & 0xff);
        engine.alert.direction = where & SSL_CB_READ ? alert_direction::received : alert_direction::sent;
        engine.bytes.muted = engine.bytes.muted || farewell;
    } else if (where & SSL_CB_HANDSHAKE_DONE) {
        engine.another_handshake_ended();
    }
}

}  // namespace

void alerts::install(SSL_CTX* context) noexcept
{
    SSL_CTX_set_info_callback(context, on_info);
}

}  // namespace coil::tls::internal
