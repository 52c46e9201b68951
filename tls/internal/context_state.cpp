#include <coil/tls/internal/context_state.hpp>

#include <algorithm>
#include <cstdint>

namespace coil::tls::internal {

void context_state::set_session_ids(std::string_view session_id_context, const pem& ca, const pem& crl)
{
    for (std::size_t policy = 0; policy < session_ids_.size(); ++policy) {
        std::string text = std::to_string(policy) + ":" + std::to_string(session_id_context.size()) + ":";
        text += session_id_context;
        for (const pem* part : {&ca, &crl})
            for (const std::string& block : part->texts())
                text += ":" + block;
        std::size_t size = 0;
        if (EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), session_ids_[policy].data(), &size) != 1)
            throw setup_error("session id context");
    }
}

void context_state::collect_identities()
{
    // Going through them moves what OpenSSL calls the current one, which is the one that it tells of.
    X509* const current = SSL_CTX_get0_certificate(native());
    for (long more = SSL_CTX_set_current_cert(native(), SSL_CERT_SET_FIRST); more == 1;
         more = SSL_CTX_set_current_cert(native(), SSL_CERT_SET_NEXT)) {
        STACK_OF(X509)* chain = nullptr;
        SSL_CTX_get0_chain_certs(native(), &chain);
        identities_.push_back({SSL_CTX_get0_certificate(native()), SSL_CTX_get0_privatekey(native()), chain});
    }
    if (current)
        SSL_CTX_select_current_cert(native(), current);
}

void context_state::lend_identities(SSL* ssl) const
{
    SSL_certs_clear(ssl);
    for (const identity& each : identities_)
        if (SSL_use_cert_and_key(ssl, each.certificate, each.key, each.chain, 1) != 1)
            throw setup_error("the certificates of a context for one connection");
}

void context_state::check(client_certificates policy) const
{
    // A length of 16 bits counts the names together with all else that the request says.
    constexpr std::size_t room = 65'535 - 512;
    if (!policy.request)
        return;
    const STACK_OF(X509_NAME)* names = SSL_CTX_get_client_CA_list(native());
    std::size_t sum = 0;
    for (int i = 0; i < sk_X509_NAME_num(names); ++i)
        sum += 2 + static_cast<std::size_t>(std::max(i2d_X509_NAME(sk_X509_NAME_value(names, i), nullptr), 0));
    if (sum > room)
        throw argument_error("ERR_INVALID_ARG_VALUE",
                             "ca: the names of " + std::to_string(sk_X509_NAME_num(names)) + " authorities take " +
                                 std::to_string(sum) + " bytes, and a request for client certificates has room for " +
                                 std::to_string(room));
}

}  // namespace coil::tls::internal
