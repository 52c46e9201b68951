#include <coil/tls/internal/ocsp_stapling.hpp>

#include <coil/tls/internal/certificate_reader.hpp>
#include <coil/tls/internal/engine_state.hpp>
#include <coil/tls/internal/ocsp_check.hpp>

#include <algorithm>
#include <cstring>

namespace coil::tls::internal {
namespace {

/// The extensions of a certificate have a length of 16 bits in all; before the response there are number and length of its
/// extension, its type and its own length. RFC 8446 §4.4.2.1.
constexpr std::size_t longest_response = 65'535 - 2 - 2 - 1 - 3;

// What the callback gives on a client.
constexpr int goes_on = 1;
constexpr int bad_certificate_status_response = 0;
constexpr int internal_error = -1;

/// What OpenSSL has: on a server to be stapled, on a client as it came.
std::span<const std::byte> response_of(SSL* ssl) noexcept
{
    const unsigned char* data = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(ssl, &data);
    if (!data || size <= 0)
        return {};
    return std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
}

/// @param response  empty: none.
void set_response(SSL* ssl, std::span<const std::byte> response)
{
    if (response.size() > longest_response)
        throw argument_error("ERR_OUT_OF_RANGE", "an OCSP response of " + std::to_string(response.size()) +
                                                     " bytes cannot be stapled: more than " +
                                                     std::to_string(longest_response));
    void* owned = nullptr;
    if (!response.empty()) {
        owned = OPENSSL_memdup(response.data(), response.size());
        if (!owned)
            throw std::bad_alloc();
    }
    SSL_set_tlsext_status_ocsp_resp(ssl, owned, static_cast<long>(response.size()));
}

/// Who issued the certificate of a server: one that is sent along, or one that is trusted.
std::optional<certificate> issuer_of(const engine_state& engine, X509* cert)
{
    STACK_OF(X509)* sent = nullptr;
    SSL_get0_chain_certs(engine.ssl.get(), &sent);
    const x509_ptr issuer = find_issuer(cert, sent, engine.trusted());
    if (!issuer)
        return std::nullopt;
    return read_certificate(issuer.get());
}

/// What the options of a client want to be looked at.
ocsp_finding find_out(SSL* ssl, X509* cert, std::span<const std::byte> response, ocsp_policy policy)
{
    ocsp_finding found;
    if (response.empty()) {
        if (policy == ocsp_policy::required || demands_staple(cert))
            found.error = ocsp_errc::missing_response;
        return found;
    }
    const STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl);
    if (sk_X509_num(chain) < 2) {
        found.error = ocsp_errc::no_issuer;
        return found;
    }
    return check_ocsp_response(response, cert, sk_X509_value(chain, 1), {});
}

}  // namespace

void ocsp_stapling::install(SSL_CTX* context) noexcept
{
    SSL_CTX_set_tlsext_status_cb(context, on_status);
}

void ocsp_stapling::request(const engine_state& engine)
{
    if (!engine.options->request_ocsp && engine.options->verify_ocsp == ocsp_policy::off)
        return;
    if (SSL_set_tlsext_status_type(engine.ssl.get(), TLSEXT_STATUSTYPE_ocsp) != 1)
        throw setup_error("request_ocsp");
}

void ocsp_stapling::release(SSL* ssl) noexcept
{
    // A server of TLS 1.2 shows it again to a client that renegotiates.
    if (asked_about_ && SSL_version(ssl) < TLS1_3_VERSION)
        return;
    asked_about_.reset();
    if (!response_of(ssl).empty())
        SSL_set_tlsext_status_ocsp_resp(ssl, nullptr, 0);
}

/// What there is to staple to the certificate that OpenSSL chose. It asks again for a second ClientHello after a
/// HelloRetryRequest and in a renegotiation, where the answer to the first counts.
int ocsp_stapling::staple(engine_state& engine)
{
    SSL* const ssl = engine.ssl.get();
    X509* const cert = SSL_get_certificate(ssl);
    if (!cert || !engine.options->ask.certificate_status)
        return SSL_TLSEXT_ERR_NOACK;
    if (asked_about_.get() != cert) {
        if (engine.handshake_done)
            return SSL_TLSEXT_ERR_NOACK;
        const std::optional<staple_answer> answer =
            engine.ask<staple_answer>(certificate_status_request{read_certificate(cert), issuer_of(engine, cert)});
        if (!answer)
            return SSL_TLSEXT_ERR_ALERT_FATAL;
        const auto& response = answer->response();
        set_response(ssl, response ? std::span(*response) : std::span<const std::byte>());
        X509_up_ref(cert);
        asked_about_.reset(cert);
    }
    return response_of(ssl).empty() ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK;
}

/// @return whether the handshake may go on.
bool ocsp_stapling::hear_program(engine_state& engine, stapled_response about)
{
    const std::error_code found = about.found ? about.found->error : std::error_code();
    auto peer = std::make_shared<const certificate>(about.cert);
    if (engine.options->ask.stapled_response) {
        const std::optional<ocsp_verdict> answer = engine.ask<ocsp_verdict>(std::move(about));
        if (!answer)
            return false;
        if (answer->accepts())
            return true;
        if (answer->refuses()) {
            refused_ = std::make_unique<objection>(
                objection{errc::handshake_refused, answer->code(), answer->reason(), std::move(peer)});
            return false;
        }
    }
    if (found)
        refused_ = std::make_unique<objection>(objection{found, error_name(found), found.message(), std::move(peer)});
    return !found;
}

/// A word on what a server stapled. TLS 1.3 also comes here where a session goes on, when there is nothing.
/// @return whether the handshake may go on.
bool ocsp_stapling::judge(engine_state& engine)
{
    SSL* const ssl = engine.ssl.get();
    const ocsp_policy policy = engine.options->verify_ocsp;
    const x509_ptr cert(SSL_get1_peer_certificate(ssl));
    if (!cert || SSL_session_reused(ssl) == 1 || (policy == ocsp_policy::off && !engine.options->ask.stapled_response))
        return true;
    const std::span<const std::byte> response = response_of(ssl);
    stapled_response about;
    if (policy != ocsp_policy::off)
        about.found = find_out(ssl, cert.get(), response, policy);
    if (!engine.options->ask.stapled_response && about.found->good())
        return true;
    about.cert = read_certificate_chain(cert.get(), SSL_get_peer_cert_chain(ssl), engine.trusted());
    if (!response.empty())
        about.response.emplace(response.begin(), response.end());
    return hear_program(engine, std::move(about));
}

int ocsp_stapling::on_status(SSL* ssl, void* /*argument*/) noexcept
{
    engine_state& engine = engine_state::of(ssl);
    ocsp_stapling& self = engine.staple;
    try {
        if (engine.is_server())
            return self.staple(engine);
        if (self.judge(engine))
            return goes_on;
        if (self.refused_ || engine.was_refused_by_program())
            return bad_certificate_status_response;
    } catch (...) {
        engine.refuse_for(std::current_exception());
    }
    return engine.is_server() ? SSL_TLSEXT_ERR_ALERT_FATAL : internal_error;
}

}  // namespace coil::tls::internal
