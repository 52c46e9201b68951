#include <coil/tls/internal/ocsp_check.hpp>

#include <openssl/ocsp.h>

#include <ctime>

namespace coil::tls::internal {
namespace {

using std::chrono::sys_seconds;
using ocsp_response_ptr = openssl_ptr<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using ocsp_basic_ptr = openssl_ptr<OCSP_BASICRESP, OCSP_BASICRESP_free>;
using ocsp_certid_ptr = openssl_ptr<OCSP_CERTID, OCSP_CERTID_free>;
using tls_feature_ptr = openssl_ptr<TLS_FEATURE, TLS_FEATURE_free>;

constexpr long status_request = 5;  // TLSEXT_TYPE_status_request

/// What counts for a response that does not say when a newer one will be out: it must not be shown for ever.
constexpr std::chrono::hours age_without_next_update{24};

std::optional<sys_seconds> time_of(const ASN1_GENERALIZEDTIME* time)
{
    std::tm parts{};
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1)
        return std::nullopt;
    return sys_seconds(std::chrono::seconds(::timegm(&parts)));
}

/// What a responder says that does not answer.
ocsp_errc refusal_of(int response_status) noexcept
{
    switch (response_status) {
    case OCSP_RESPONSE_STATUS_MALFORMEDREQUEST: return ocsp_errc::malformed_request;
    case OCSP_RESPONSE_STATUS_INTERNALERROR: return ocsp_errc::responder_failed;
    case OCSP_RESPONSE_STATUS_TRYLATER: return ocsp_errc::try_later;
    case OCSP_RESPONSE_STATUS_SIGREQUIRED: return ocsp_errc::signature_required;
    case OCSP_RESPONSE_STATUS_UNAUTHORIZED: return ocsp_errc::unauthorized;
    default: return ocsp_errc::malformed_response;
    }
}

/// Checks who signed: the issuer, which is all that is trusted, or somebody whom it certified for that.
std::error_code check_signature(OCSP_BASICRESP* basic, X509* issuer, sys_seconds now)
{
    const x509_store_ptr trusted(X509_STORE_new());
    const openssl_ptr<STACK_OF(X509), [](STACK_OF(X509) * stack) noexcept { sk_X509_free(stack); }> known(
        sk_X509_new_null());
    if (!trusted || !known || X509_STORE_add_cert(trusted.get(), issuer) != 1 || sk_X509_push(known.get(), issuer) <= 0)
        throw std::bad_alloc();
    // The issuer may be an intermediate.
    X509_STORE_set_flags(trusted.get(), X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(trusted.get()), now.time_since_epoch().count());
    if (OCSP_basic_verify(basic, known.get(), trusted.get(), OCSP_NOEXPLICIT) == 1)
        return {};
    const unsigned long last = ERR_peek_last_error();
    const bool not_signed = ERR_GET_LIB(last) == ERR_LIB_OCSP && ERR_GET_REASON(last) == OCSP_R_SIGNATURE_FAILURE;
    return not_signed ? ocsp_errc::bad_signature : ocsp_errc::untrusted_signer;
}

bool is_about(const OCSP_SINGLERESP* single, X509* cert, X509* issuer)
{
    ASN1_OBJECT* digest = nullptr;
    OCSP_id_get0_info(nullptr, &digest, nullptr, nullptr, const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single)));
    const EVP_MD* const known = EVP_get_digestbyobj(digest);
    if (!known)
        return false;
    const ocsp_certid_ptr own(OCSP_cert_to_id(known, cert, issuer));
    return own && OCSP_id_cmp(own.get(), OCSP_SINGLERESP_get0_id(single)) == 0;
}

/// What a response says about one certificate.
struct entry {
    int status = -1;
    int reason = OCSP_REVOKED_STATUS_NOSTATUS;
    std::optional<sys_seconds> revoked_at = {};
    std::optional<sys_seconds> this_update = {};
    std::optional<sys_seconds> next_update = {};
    bool readable = true;
};

entry read_entry(OCSP_SINGLERESP* single)
{
    ASN1_GENERALIZEDTIME* revoked_at = nullptr;
    ASN1_GENERALIZEDTIME* this_update = nullptr;
    ASN1_GENERALIZEDTIME* next_update = nullptr;
    entry read;
    read.status = OCSP_single_get0_status(single, &read.reason, &revoked_at, &this_update, &next_update);
    read.revoked_at = time_of(revoked_at);
    read.this_update = time_of(this_update);
    read.next_update = time_of(next_update);
    read.readable = read.this_update && (!next_update || read.next_update) && (!revoked_at || read.revoked_at);
    return read;
}

/// The newest entry about the certificate; none where nothing is about it.
std::optional<entry> find_entry(OCSP_BASICRESP* basic, X509* cert, X509* issuer)
{
    std::optional<entry> newest;
    for (int i = 0; i < OCSP_resp_count(basic); ++i) {
        OCSP_SINGLERESP* const single = OCSP_resp_get0(basic, i);
        if (!is_about(single, cert, issuer))
            continue;
        entry read = read_entry(single);
        if (!newest || !read.readable || read.this_update > newest->this_update)
            newest = std::move(read);
        if (!newest->readable)
            break;
    }
    return newest;
}

std::error_code check_times(const entry& of, const ocsp_check_options& options, sys_seconds now)
{
    if (*of.this_update > now + options.tolerance)
        return ocsp_errc::response_not_yet_valid;
    if (of.next_update && *of.next_update < *of.this_update)
        return ocsp_errc::malformed_response;
    if (of.next_update && *of.next_update < now - options.tolerance)
        return ocsp_errc::response_expired;
    if (!options.max_age && of.next_update)
        return {};
    const std::chrono::seconds age = options.max_age.value_or(age_without_next_update);
    return now - options.tolerance - *of.this_update > age ? ocsp_errc::response_too_old : std::error_code();
}

void take_entry(const entry& from, ocsp_finding& into)
{
    into.this_update = from.this_update;
    into.next_update = from.next_update;
    switch (from.status) {
    case V_OCSP_CERTSTATUS_GOOD: into.status = ocsp_status::good; break;
    case V_OCSP_CERTSTATUS_REVOKED:
        into.status = ocsp_status::revoked;
        into.revoked_at = from.revoked_at;
        if (from.reason != OCSP_REVOKED_STATUS_NOSTATUS)
            into.reason = OCSP_crl_reason_str(from.reason);
        break;
    default: into.status = ocsp_status::unknown;
    }
}

}  // namespace

ocsp_finding check_ocsp_response(std::span<const std::byte> response, X509* cert, X509* issuer,
                                 const ocsp_check_options& options)
{
    const error_queue_guard guard;
    const sys_seconds now =
        std::chrono::floor<std::chrono::seconds>(options.at.value_or(std::chrono::system_clock::now()));
    ocsp_finding found;
    const auto* at = reinterpret_cast<const unsigned char*>(response.data());
    const unsigned char* const end = at + response.size();
    const ocsp_response_ptr whole(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(response.size())));
    if (!whole || at != end) {
        found.error = ocsp_errc::malformed_response;
        return found;
    }
    if (const int status = OCSP_response_status(whole.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        found.error = refusal_of(status);
        return found;
    }
    const ocsp_basic_ptr basic(OCSP_response_get1_basic(whole.get()));
    if (!basic) {
        found.error = ocsp_errc::malformed_response;
        return found;
    }
    if (X509_check_issued(issuer, cert) != X509_V_OK) {
        found.error = ocsp_errc::no_issuer;
        return found;
    }
    found.error = check_signature(basic.get(), issuer, now);
    if (found.error)
        return found;
    const std::optional<entry> about = find_entry(basic.get(), cert, issuer);
    if (!about || !about->readable) {
        found.error = about ? ocsp_errc::malformed_response : ocsp_errc::wrong_certificate;
        return found;
    }
    take_entry(*about, found);
    if (found.status == ocsp_status::revoked)
        found.error = ocsp_errc::certificate_revoked;
    else
        found.error = check_times(*about, options, now);
    if (!found.error && found.status == ocsp_status::unknown)
        found.error = ocsp_errc::certificate_unknown;
    return found;
}

bool demands_staple(X509* cert) noexcept
{
    const error_queue_guard guard;
    const tls_feature_ptr features(static_cast<TLS_FEATURE*>(X509_get_ext_d2i(cert, NID_tlsfeature, nullptr, nullptr)));
    for (int i = 0; i < sk_ASN1_INTEGER_num(features.get()); ++i)
        if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features.get(), i)) == status_request)
            return true;
    return false;
}

}  // namespace coil::tls::internal
