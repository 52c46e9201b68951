#include <coil/tls/ocsp.hpp>

#include <coil/tls/internal/ocsp_check.hpp>

#include <openssl/ocsp.h>

#include <array>
#include <string_view>

namespace coil::tls {
namespace {

using internal::openssl_ptr;
using internal::x509_ptr;
using ocsp_request_ptr = openssl_ptr<OCSP_REQUEST, OCSP_REQUEST_free>;
using ocsp_certid_ptr = openssl_ptr<OCSP_CERTID, OCSP_CERTID_free>;
using url_list_ptr = openssl_ptr<STACK_OF(OPENSSL_STRING), X509_email_free>;

struct ocsp_entry {
    ocsp_errc value;
    std::string_view code;
    std::string_view message;
};

constexpr std::array ocsp_entries{
    ocsp_entry{ocsp_errc::missing_response, "ERR_OCSP_MISSING_RESPONSE", "the server stapled no OCSP response"},
    ocsp_entry{ocsp_errc::malformed_response, "ERR_OCSP_MALFORMED_RESPONSE", "the OCSP response cannot be read"},
    ocsp_entry{ocsp_errc::malformed_request, "ERR_OCSP_MALFORMED_REQUEST",
               "the OCSP responder cannot read the request"},
    ocsp_entry{ocsp_errc::responder_failed, "ERR_OCSP_INTERNAL_ERROR", "the OCSP responder failed"},
    ocsp_entry{ocsp_errc::try_later, "ERR_OCSP_TRY_LATER", "the OCSP responder is busy: try again later"},
    ocsp_entry{ocsp_errc::signature_required, "ERR_OCSP_SIG_REQUIRED",
               "the OCSP responder answers signed requests only"},
    ocsp_entry{ocsp_errc::unauthorized, "ERR_OCSP_UNAUTHORIZED", "the OCSP responder refuses to answer"},
    ocsp_entry{ocsp_errc::bad_signature, "ERR_OCSP_BAD_SIGNATURE", "the signature of the OCSP response is wrong"},
    ocsp_entry{ocsp_errc::untrusted_signer, "ERR_OCSP_UNTRUSTED_SIGNER",
               "the OCSP response is signed by somebody whom the issuer did not certify for that"},
    ocsp_entry{ocsp_errc::no_issuer, "ERR_OCSP_NO_ISSUER", "the issuer of the certificate is not known"},
    ocsp_entry{ocsp_errc::wrong_certificate, "ERR_OCSP_WRONG_CERTIFICATE",
               "the OCSP response is not about the certificate"},
    ocsp_entry{ocsp_errc::response_not_yet_valid, "ERR_OCSP_RESPONSE_NOT_YET_VALID",
               "the OCSP response is not yet valid"},
    ocsp_entry{ocsp_errc::response_expired, "ERR_OCSP_RESPONSE_EXPIRED", "the OCSP response has expired"},
    ocsp_entry{ocsp_errc::response_too_old, "ERR_OCSP_RESPONSE_TOO_OLD", "the OCSP response is too old"},
    ocsp_entry{ocsp_errc::certificate_revoked, "ERR_OCSP_CERTIFICATE_REVOKED", "the certificate is revoked"},
    ocsp_entry{ocsp_errc::certificate_unknown, "ERR_OCSP_CERTIFICATE_UNKNOWN",
               "the OCSP responder does not know the certificate"},
};

class ocsp_error_category final : public error_category {
public:
    const char* name() const noexcept override { return "ocsp"; }
    std::string message(int value) const override { return std::string(find(value).message); }
    std::string code(int value) const override { return std::string(find(value).code); }

private:
    static ocsp_entry find(int value) noexcept
    {
        for (const ocsp_entry& candidate : ocsp_entries)
            if (static_cast<int>(candidate.value) == value)
                return candidate;
        return {ocsp_errc{}, "UNKNOWN", "unknown OCSP error"};
    }
};

x509_ptr parse(const certificate& cert, const char* name)
{
    const auto* at = reinterpret_cast<const unsigned char*>(cert.raw.data());
    const unsigned char* const end = at + cert.raw.size();
    x509_ptr parsed(d2i_X509(nullptr, &at, static_cast<long>(cert.raw.size())));
    if (!parsed || at != end)
        throw internal::argument_error("ERR_INVALID_ARG_VALUE", std::string(name) + ": raw is not a certificate");
    return parsed;
}

/// The first responder that a certificate names.
std::optional<std::string> responder_of(X509* cert)
{
    const url_list_ptr urls(X509_get1_ocsp(cert));
    if (!urls || sk_OPENSSL_STRING_num(urls.get()) == 0)
        return std::nullopt;
    return sk_OPENSSL_STRING_value(urls.get(), 0);
}

template <auto Encode, class T>
std::vector<std::byte> der_of(T* object)
{
    const int size = Encode(object, nullptr);
    if (size <= 0)
        throw internal::setup_error("OCSP request");
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    auto* at = reinterpret_cast<unsigned char*>(bytes.data());
    Encode(object, &at);
    return bytes;
}

}  // namespace

const error_category& ocsp_category() noexcept
{
    static const ocsp_error_category instance;
    return instance;
}

std::error_code make_error_code(ocsp_errc value) noexcept
{
    return {static_cast<int>(value), ocsp_category()};
}

ocsp_finding verify_ocsp(std::span<const std::byte> response, const certificate& cert, const certificate& issuer,
                         const ocsp_check_options& options)
{
    const internal::error_queue_guard guard;
    const x509_ptr subject = parse(cert, "cert");
    const x509_ptr signer = parse(issuer, "issuer");
    return internal::check_ocsp_response(response, subject.get(), signer.get(), options);
}

ocsp_query ocsp_request(const certificate& cert, const certificate& issuer)
{
    const internal::error_queue_guard guard;
    const x509_ptr subject = parse(cert, "cert");
    const x509_ptr signer = parse(issuer, "issuer");
    if (X509_check_issued(signer.get(), subject.get()) != X509_V_OK)
        throw internal::argument_error("ERR_INVALID_ARG_VALUE", "issuer: not that of the certificate");
    ocsp_certid_ptr id(OCSP_cert_to_id(nullptr, subject.get(), signer.get()));
    const ocsp_request_ptr request(OCSP_REQUEST_new());
    if (!id || !request)
        throw internal::setup_error("OCSP request");
    ocsp_query query;
    query.certificate_id = der_of<i2d_OCSP_CERTID>(id.get());
    if (!OCSP_request_add0_id(request.get(), id.get()))
        throw internal::setup_error("OCSP request");
    static_cast<void>(id.release());
    query.request = der_of<i2d_OCSP_REQUEST>(request.get());
    query.url = responder_of(subject.get());
    if (!query.url)
        query.url = responder_of(signer.get());
    return query;
}

}  // namespace coil::tls
