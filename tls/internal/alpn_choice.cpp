#include <coil/tls/internal/alpn_choice.hpp>

#include <coil/tls/internal/engine_state.hpp>

#include <algorithm>

namespace coil::tls::internal {

void alpn_choice::install(SSL_CTX* context) noexcept
{
    SSL_CTX_set_alpn_select_cb(context, on_select, nullptr);
}

void alpn_choice::use_list(alpn_protocol_list list)
{
    decision_ = std::make_unique<decision>();
    decision_->list = std::move(list);
}

bool alpn_choice::decide(engine_state& engine, std::string_view offered, const std::string& servername)
{
    if (decision_ || !engine.options->ask.alpn || offered.empty())
        return true;
    return ask(engine, {alpn_protocol_list(std::as_bytes(std::span(offered))).names(), servername});
}

bool alpn_choice::ask(engine_state& engine, alpn_request request)
{
    const std::vector<std::string> offered = request.protocols;
    const std::optional<alpn_answer> answer = engine.ask<alpn_answer>(std::move(request));
    if (!answer)
        return engine.was_refused_by_program();  // with the alert that is meant for this, when OpenSSL selects
    const alpn_settings& settings = answer->settings();
    decision_ = std::make_unique<decision>();
    decision_->asked = true;
    if (!settings.protocol.empty()) {
        if (std::find(offered.begin(), offered.end(), settings.protocol) == offered.end()) {
            engine.refuse_with(errc::alpn_callback_invalid_result);
            return false;
        }
        decision_->list = {settings.protocol};
    }
    if (settings.key_cert)
        engine.use_identities_of(settings.key_cert);
    return true;
}

int alpn_choice::on_select(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                           unsigned offered_size, void* /*argument*/) noexcept
{
    const engine_state& engine = engine_state::of(ssl);
    if (engine.was_refused_by_program())
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    const decision* const decided = engine.alpn.decision_.get();
    const std::string& own = decided ? decided->list.wire() : engine.options->alpn_protocols.wire();
    if (own.empty())
        return decided && decided->asked ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
    unsigned char* found = nullptr;
    // What is found lies in our list or in the client's; both outlive the handshake.
    const int outcome = SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(own.data()),
                                              static_cast<unsigned>(own.size()), offered, offered_size);
    if (outcome != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace coil::tls::internal
