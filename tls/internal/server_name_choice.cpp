#include <coil/tls/internal/server_name_choice.hpp>

#include <coil/tls/internal/client_hello_reader.hpp>
#include <coil/tls/internal/engine_state.hpp>

namespace coil::tls::internal {

void server_name_choice::install(SSL_CTX* context) noexcept
{
    SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context, on_servername);
}

/// @return false where the program refuses the client.
bool server_name_choice::decide(engine_state& engine)
{
    SSL* const ssl = engine.ssl.get();
    engine.limits.handshake_begins();
    name_ = requested_name(ssl);
    if (engine.options->ask.client_hello) {
        const std::optional<sni_answer> answer = engine.ask<sni_answer>(read_client_hello(ssl));
        if (answer && answer->refuses())
            engine.refuse_with(errc::handshake_refused);
        if (!answer || answer->refuses())
            return false;
        used_ = !name_.empty() && answer->settings().secure_context;
        engine.apply(answer->settings());
    }
    if (!engine.psk.look_up_offered(engine, name_))
        return false;
    if (!engine.alpn.decide(engine, offered_protocols(ssl), name_))
        return false;
    engine.set_groups();
    decided_ = true;
    return true;
}

/// The first look at a ClientHello, before OpenSSL decides anything.
int server_name_choice::on_client_hello(SSL* ssl, int* alert, void* /*argument*/) noexcept
{
    engine_state& engine = engine_state::of(ssl);
    server_name_choice& choice = engine.server_name;
    *alert = SSL_AD_INTERNAL_ERROR;
    try {
        if (std::exchange(choice.seen_, true)) {
            // What was decided for one name is not for another.
            if (engine.handshake_done || requested_name(ssl) == choice.name_)
                return SSL_CLIENT_HELLO_SUCCESS;
            *alert = SSL_AD_ILLEGAL_PARAMETER;
            return SSL_CLIENT_HELLO_ERROR;
        }
        if (choice.decide(engine))
            return SSL_CLIENT_HELLO_SUCCESS;
        if (engine.was_refused_by_program())
            *alert = choice.name_.empty() ? SSL_AD_ACCESS_DENIED : SSL_AD_UNRECOGNIZED_NAME;
    } catch (...) {
        engine.refuse_for(std::current_exception());
    }
    return SSL_CLIENT_HELLO_ERROR;
}

/// Whether the client is told that its server name was used.
int server_name_choice::on_servername(SSL* ssl, int* /*alert*/, void* /*argument*/) noexcept
{
    return engine_state::of(ssl).server_name.used_ ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace coil::tls::internal
