#include <coil/tls/internal/client_certificate_choice.hpp>

#include <coil/tls/internal/certificate_reader.hpp>
#include <coil/tls/internal/engine_state.hpp>

namespace coil::tls::internal {
namespace {

std::vector<distinguished_name> authorities_of(const SSL* ssl)
{
    const STACK_OF(X509_NAME)* const names = SSL_get0_peer_CA_list(ssl);
    std::vector<distinguished_name> all;
    for (int i = 0; i < sk_X509_NAME_num(names); ++i)
        all.push_back(read_name(sk_X509_NAME_value(names, i)).value_or(distinguished_name()));
    return all;
}

std::vector<std::uint16_t> signature_algorithms_of(SSL* ssl)
{
    std::vector<std::uint16_t> all;
    for (int i = 0, count = SSL_get_sigalgs(ssl, -1, nullptr, nullptr, nullptr, nullptr, nullptr); i < count; ++i) {
        unsigned char low = 0;
        unsigned char high = 0;
        SSL_get_sigalgs(ssl, i, nullptr, nullptr, nullptr, &low, &high);
        all.push_back(static_cast<std::uint16_t>(high << 8 | low));
    }
    return all;
}

}  // namespace

void client_certificate_choice::install(SSL* ssl) noexcept
{
    SSL_set_cert_cb(ssl, on_request, nullptr);
}

/// Unlike OpenSSL's callback for client certificates, this one can end the handshake, and has more than one to give.
int client_certificate_choice::on_request(SSL* ssl, void* /*argument*/) noexcept
{
    engine_state& engine = engine_state::of(ssl);
    try {
        const std::optional<client_certificate> answer = engine.ask<client_certificate>(
            client_certificate_request{authorities_of(ssl), signature_algorithms_of(ssl)});
        if (!answer)
            return 0;
        if (answer->key_cert)
            engine.use_identities_of(answer->key_cert);
        return 1;
    } catch (...) {
        engine.refuse_for(std::current_exception());
        return 0;
    }
}

}  // namespace coil::tls::internal
