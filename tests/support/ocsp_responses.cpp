#include "tests/support/ocsp_responses.hpp"

#include <coil/tls/internal/certificate_reader.hpp>
#include <coil/tls/internal/openssl.hpp>

#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include <ctime>
#include <stdexcept>

namespace coil::test {
namespace {

using tls::internal::bio_ptr;
using tls::internal::evp_pkey_ptr;
using tls::internal::openssl_ptr;
using tls::internal::x509_ptr;
using time_ptr = openssl_ptr<ASN1_TIME, ASN1_TIME_free>;

void require(bool good)
{
    if (!good)
        throw std::runtime_error("cannot make an OCSP response for a test");
}

x509_ptr parse(const std::string& pem)
{
    const bio_ptr in = tls::internal::read_only_bio(pem);
    x509_ptr cert(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    require(cert != nullptr);
    return cert;
}

std::vector<std::byte> der_of(OCSP_RESPONSE* response)
{
    const int size = i2d_OCSP_RESPONSE(response, nullptr);
    require(size > 0);
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    auto* at = reinterpret_cast<unsigned char*>(bytes.data());
    i2d_OCSP_RESPONSE(response, &at);
    return bytes;
}

time_ptr behind(std::time_t now, std::chrono::seconds seconds)
{
    time_ptr made(X509_time_adj_ex(nullptr, 0, static_cast<long>(seconds.count()), &now));
    require(made != nullptr);
    return made;
}

int number_of(tls::ocsp_status status)
{
    switch (status) {
    case tls::ocsp_status::good: return V_OCSP_CERTSTATUS_GOOD;
    case tls::ocsp_status::revoked: return V_OCSP_CERTSTATUS_REVOKED;
    case tls::ocsp_status::unknown: break;
    }
    return V_OCSP_CERTSTATUS_UNKNOWN;
}

}  // namespace

std::vector<std::byte> ocsp_response(const identity& about, const authority& issuer,
                                     const ocsp_response_options& options)
{
    const identity own = issuer.itself();
    const identity& signer = options.signer ? *options.signer : own;
    const x509_ptr cert = parse(about.cert);
    const x509_ptr authority_cert = parse(own.cert);
    const x509_ptr signer_cert = parse(signer.cert);
    const bio_ptr key_text = tls::internal::read_only_bio(signer.key);
    const evp_pkey_ptr key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
    const openssl_ptr<OCSP_BASICRESP, OCSP_BASICRESP_free> basic(OCSP_BASICRESP_new());
    const openssl_ptr<OCSP_CERTID, OCSP_CERTID_free> id(
        OCSP_cert_to_id(EVP_get_digestbyname(options.digest), cert.get(), authority_cert.get()));
    const std::time_t now = std::time(nullptr);
    const time_ptr revoked_at = behind(now, options.revoked_at);
    const time_ptr this_update = behind(now, options.this_update);
    const time_ptr next_update = options.next_update ? behind(now, *options.next_update) : nullptr;
    require(key && basic && id);
    require(OCSP_basic_add1_status(basic.get(), id.get(), number_of(options.status), options.reason, revoked_at.get(),
                                   this_update.get(), next_update.get()) != nullptr);
    require(OCSP_basic_sign(basic.get(), signer_cert.get(), key.get(), EVP_sha256(), nullptr, 0) == 1);
    const openssl_ptr<OCSP_RESPONSE, OCSP_RESPONSE_free> response(
        OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
    require(response != nullptr);
    return der_of(response.get());
}

std::vector<std::byte> ocsp_refusal(int status)
{
    const openssl_ptr<OCSP_RESPONSE, OCSP_RESPONSE_free> response(OCSP_response_create(status, nullptr));
    require(response != nullptr);
    return der_of(response.get());
}

tls::certificate certificate_of(const std::string& pem)
{
    return tls::internal::read_certificate(parse(pem).get());
}

}  // namespace coil::test
