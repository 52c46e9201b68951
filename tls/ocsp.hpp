#pragma once

#include <coil/runtime/error.hpp>
#include <coil/tls/certificate.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

/// Whether a certificate was revoked, from the one who issued it: OCSP (RFC 6960), and responses that a server shows along with
/// its certificate, "stapled" (RFC 6066 §8, RFC 8446 §4.4.2.1).
///
/// A server that fetches, keeps and staples; `fetch` posts the request to the URL as application/ocsp-request:
/// ```
/// server.on_ocsp_request([&](tls::certificate cert, std::optional<tls::certificate> issuer) -> task<tls::staple_answer> {
///     if (!issuer) co_return std::nullopt;
///     const tls::ocsp_query query = tls::ocsp_request(cert, *issuer);
///     auto asking = fetch(query);
///     std::vector<std::byte> response = co_await asking;
///     if (!tls::verify_ocsp(response, cert, *issuer).good()) co_return std::nullopt;
///     co_return response;
/// });
/// ```
/// A client that insists: `tls::connect({.host = "example.com", .port = 443, .verify_ocsp = tls::ocsp_policy::required})`.

namespace coil::tls {

/// What is wrong with a response, or with the certificate that it is about.
enum class ocsp_errc {
    missing_response = 1,    ///< None was stapled where one has to be.
    malformed_response,      ///< It is not what RFC 6960 describes, or not of the basic type.
    malformed_request,       ///< The responder says so. RFC 6960 §2.3, as the next four.
    responder_failed,        ///< internalError
    try_later,               ///< tryLater
    signature_required,      ///< sigRequired: the request has to be signed.
    unauthorized,            ///< The responder does not answer for this certificate, or not to this asker.
    bad_signature,           ///< The signature does not verify.
    untrusted_signer,        ///< The signer is neither the issuer nor a responder that it certified for OCSP.
    no_issuer,               ///< The issuer of the certificate is not known, or the one given did not issue it.
    wrong_certificate,       ///< Nothing in it is about the certificate.
    response_not_yet_valid,  ///< Its time has not come.
    response_expired,        ///< A newer one should be out.
    response_too_old,        ///< It was made longer ago than the caller accepts.
    certificate_revoked,     ///< The issuer revoked the certificate.
    certificate_unknown,     ///< The responder does not know the certificate.
};

/// The category of `ocsp_errc`; its codes begin with "ERR_OCSP_".
const error_category& ocsp_category() noexcept;

std::error_code make_error_code(ocsp_errc value) noexcept;

/// What a responder says of a certificate. RFC 6960 §2.2.
enum class ocsp_status { good, revoked, unknown };

/// What came of the check of a response. Times and status are there where the response is signed as it must be and has something
/// about the certificate.
struct ocsp_finding {
    /// Why the certificate must not be relied on, of `ocsp_category()`; none where the response is in order and says "good".
    std::error_code error;
    /// When a newer one will be out; none where the responder has news at any time.
    std::optional<std::chrono::sys_seconds> next_update;
    /// Why the certificate was revoked, such as "keyCompromise"; none where the responder does not say. RFC 5280 §5.3.1.
    std::optional<std::string> reason;
    /// Since when the certificate is revoked.
    std::optional<std::chrono::sys_seconds> revoked_at;
    std::optional<ocsp_status> status;
    /// When that was known to be right.
    std::optional<std::chrono::sys_seconds> this_update;

    bool good() const noexcept { return !error; }
};

/// What is asked of a response.
struct ocsp_check_options {
    /// The moment for which it counts. Not given: now.
    std::optional<std::chrono::system_clock::time_point> at = {};
    /// How long ago it may have been made. Not given: any time, or one day where it does not say when a newer one will be out.
    std::optional<std::chrono::seconds> max_age = {};
    /// By how much the clocks of responder and verifier may differ.
    std::chrono::seconds tolerance = std::chrono::minutes(5);
};

/// Judges a response: that its signature is the issuer's, or that of a responder which the issuer certified for this (key usage
/// id-kp-OCSPSigning), that it is about this certificate, that its time has come and has not passed, and what it says.
///
/// That the certificate was revoked is told even where the response is out of date. Whether the certificate of a responder was
/// itself revoked is not looked at.   RFC 6960 §3.2.
/// @param response  DER, as stapled or fetched.
/// @param issuer    of `cert`, verified: it is what is trusted here.
/// Throws: `tls::error` ERR_INVALID_ARG_VALUE where `cert` or `issuer` has no readable DER.
ocsp_finding verify_ocsp(std::span<const std::byte> response, const certificate& cert, const certificate& issuer,
                         const ocsp_check_options& options = {});

/// What to ask whom about a certificate.
struct ocsp_query {
    /// The certificate's name for responders, DER. RFC 6960 §4.1.1, with SHA-1, which all of them understand (RFC 5019 §2.1.1).
    std::vector<std::byte> certificate_id;
    /// A complete request, DER, to be posted as application/ocsp-request. Without a nonce, so that responses can be kept.
    std::vector<std::byte> request;
    /// The responder that the certificate names, or its issuer; none where neither does. RFC 5280 §4.2.2.1.
    std::optional<std::string> url;
};

/// The question about a certificate, made of it and its issuer alone.
/// Throws: `tls::error` ERR_INVALID_ARG_VALUE where one of them has no readable DER, or `issuer` did not issue `cert`.
ocsp_query ocsp_request(const certificate& cert, const certificate& issuer);

/// Which staples a client insists on. Whatever the policy is not content with ends the handshake with the alert
/// bad_certificate_status_response, whether or not `reject_unauthorized` is set. A session that goes on is not judged again. The
/// issuer is that of the server's chain: where that is not verified, neither is what this says.
enum class ocsp_policy {
    off,  ///< Nothing is looked at.
    /// What is stapled must be in order and say "good". A certificate whose TLS feature extension says "must staple"
    /// (RFC 7633) must come with a staple.
    if_stapled,
    required,  ///< There must be a staple, and it must be in order and say "good".
};

/// Server: a client wants to know the status of the certificate that it is about to see. Asked once, when the certificate is
/// chosen; not where a session goes on.
/// Node: the arguments of 'OCSPRequest'.
struct certificate_status_request {
    certificate cert;  ///< That in use; `raw` is its DER.
    /// Its issuer, found among what is sent with the certificate or what the context trusts. None where it is not there, or
    /// where the certificate is self-signed.
    std::optional<certificate> issuer;
};

/// What answers a `certificate_status_request`: a response, which is stapled as it is, or nothing; no bytes count as nothing.
/// More than 65,527 bytes do not fit into a handshake and end it.
/// Node: the second argument of the callback of 'OCSPRequest'.
class staple_answer {
public:
    staple_answer(std::nullopt_t) {}
    staple_answer(std::vector<std::byte> response) : response_(std::move(response)) {}
    staple_answer(std::optional<std::vector<std::byte>> response) : response_(std::move(response)) {}

    const std::optional<std::vector<std::byte>>& response() const noexcept { return response_; }

private:
    std::optional<std::vector<std::byte>> response_;
};

/// Client: what a server stapled, for a word on it before the handshake counts as done.
/// Node: the argument of 'OCSPResponse'.
struct stapled_response {
    certificate cert;                                ///< The server's, with its issuers as far as they are known.
    std::optional<ocsp_finding> found;               ///< What `verify_ocsp` of the options found; none where it is off.
    std::optional<std::vector<std::byte>> response;  ///< As it came; none where nothing was stapled.
};

/// A client's word on a staple, or on there being none.
class ocsp_verdict {
public:
    /// Nothing to add: the handshake goes on unless the policy of the options is not content.
    static ocsp_verdict unchanged() { return ocsp_verdict(word::unchanged); }
    /// The handshake goes on, whatever the policy of the options makes of it.
    static ocsp_verdict accept() { return ocsp_verdict(word::accept); }
    /// The handshake ends with the alert bad_certificate_status_response.
    /// @param code  for the error. @param reason  for people.
    static ocsp_verdict refuse(std::string code, std::string reason)
    {
        ocsp_verdict made(word::refuse);
        made.code_ = std::move(code);
        made.reason_ = std::move(reason);
        return made;
    }

    bool accepts() const noexcept { return word_ == word::accept; }
    bool refuses() const noexcept { return word_ == word::refuse; }
    const std::string& code() const noexcept { return code_; }
    const std::string& reason() const noexcept { return reason_; }

private:
    enum class word { unchanged, accept, refuse };

    explicit ocsp_verdict(word given) noexcept : word_(given) {}

    word word_;
    std::string code_;
    std::string reason_;
};

}  // namespace coil::tls

template <>
struct std::is_error_code_enum<coil::tls::ocsp_errc> : std::true_type {};
