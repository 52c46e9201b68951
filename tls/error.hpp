#pragma once

#include <coil/runtime/error.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace coil::tls {

struct certificate;

/// Outcomes of TLS that neither OpenSSL nor the verification of a chain has a number for. Those that mean what a `std::errc`
/// means equal it: `errc::handshake_timeout` is `std::errc::timed_out`.
enum class errc {
    truncated = 1,          ///< The transport ended without close_notify: bytes may be missing. RFC 8446 §6.1.
    handshake_interrupted,  ///< The transport ended before the handshake was complete. Node: ECONNRESET.
    handshake_timeout,      ///< The handshake took too long. Node: ERR_TLS_HANDSHAKE_TIMEOUT.
    cert_altname_invalid,   ///< The certificate does not cover the host. Node: ERR_TLS_CERT_ALTNAME_INVALID.
    cert_altname_format,  ///< A subject alternative name text breaks its quoting rule. Node: ERR_TLS_CERT_ALTNAME_FORMAT.
    invalid_state,        ///< The call needs an established connection. Node: ERR_TLS_INVALID_STATE.
    session_attack,       ///< The client renegotiates too often. Node: ERR_TLS_SESSION_ATTACK.
    renegotiation_disabled,  ///< The peer renegotiates where that is forbidden. Node: ERR_TLS_RENEGOTIATION_DISABLED.
    handler_failed,          ///< A handler that the handshake asked threw; `error_info::exception` holds what.
    too_many_messages,       ///< The peer goes on sending messages that carry no data, such as new keys.
    handshake_refused,       ///< The program refused what the handshake asked it.
    invalid_signature,       ///< What a `signer` made is no signature with its key.
    alpn_callback_invalid_result,  ///< The program chose a protocol that the client did not offer. Node: ERR_TLS_ALPN_CALLBACK_INVALID_RESULT.
};

/// The category of `errc`.
const error_category& tls_category() noexcept;

/// The category of errors that OpenSSL reports; the value is OpenSSL's packed error.
/// Node: the codes that begin with ERR_SSL_ and ERR_OSSL_.
const error_category& openssl_category() noexcept;

/// The category of failed certificate verifications; the value is OpenSSL's X509_V_ERR number.
/// Node: authorizationError, such as "CERT_HAS_EXPIRED".
const error_category& verify_category() noexcept;

std::error_code make_error_code(errc value) noexcept;

/// Node's name of a verification result, such as "DEPTH_ZERO_SELF_SIGNED_CERT"; empty for success. Results that Node calls
/// "UNSPECIFIED" have OpenSSL's name, such as "PERMITTED_VIOLATION"; "UNSPECIFIED" is left for those without any.
std::string_view verify_error_name(long verify_result) noexcept;

/// Which way an alert went.
enum class alert_direction { none, received, sent };

/// What the connection was doing when it failed.
enum class phase { setup, handshake, established, closed };

/// One entry of OpenSSL's error queue.
struct openssl_error {
    unsigned long value = 0;  ///< OpenSSL's packed error.
    std::string code;         ///< Node's code, such as "ERR_SSL_WRONG_VERSION_NUMBER".
    std::string library;      ///< "SSL routines".
    std::string reason;       ///< "wrong version number".
    std::string data;         ///< What OpenSSL added, often empty.
};

/// Everything that is known about a failure of a TLS connection, or of the connection below it.
/// Node: the fields of the error object.
struct error_info : coil::error_info {
    std::string library;                             ///< OpenSSL's library. Node: error.library.
    std::string reason;                              ///< OpenSSL's reason. Node: error.reason.
    std::vector<openssl_error> openssl_error_stack;  ///< The queue, oldest first. Node: error.opensslErrorStack.
    std::optional<std::uint8_t> alert;               ///< Number of the alert sent or received. RFC 8446 §6.
    tls::alert_direction alert_direction = alert_direction::none;
    tls::phase phase = phase::setup;
    long verify_result = 0;        ///< X509_V_ERR number; 0 if verification was no cause.
    int verify_depth = -1;         ///< Which certificate failed; 0 is the peer's own.
    std::exception_ptr exception;  ///< What a handler threw.
    /// The peer's certificate with its issuers, if it was refused; null otherwise. Node: error.cert.
    std::shared_ptr<const certificate> peer_certificate;
};

/// What the caller got wrong while setting TLS up: an unreadable file, a key that does not match, an unknown cipher.
/// Node: the errors that tls functions throw.
class error : public std::runtime_error {
public:
    /// @param code     Node's code string.
    /// @param message  one line that names the thing and the cause.
    error(std::string code, const std::string& message);
    explicit error(error_info info);

    /// Node's code string, such as "ERR_OSSL_X509_KEY_VALUES_MISMATCH". Node: error.code.
    const std::string& code() const noexcept { return info_->code; }
    /// All that is known about the cause.
    const error_info& info() const noexcept { return *info_; }

private:
    std::shared_ptr<const error_info> info_;
};

}  // namespace coil::tls

template <>
struct std::is_error_code_enum<coil::tls::errc> : std::true_type {};
