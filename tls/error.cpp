#include <coil/tls/error.hpp>

#include <coil/tls/internal/openssl.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace coil::tls {
namespace {

struct tls_entry {
    errc value;
    std::string_view code;
    std::string_view message;
};

constexpr std::array tls_entries{
    tls_entry{errc::truncated, "ERR_SSL_UNEXPECTED_EOF_WHILE_READING",
              "the peer ended the transport without close_notify: data may be missing"},
    tls_entry{errc::handshake_interrupted, "ECONNRESET", "the peer ended the connection during the TLS handshake"},
    tls_entry{errc::handshake_timeout, "ERR_TLS_HANDSHAKE_TIMEOUT", "the TLS handshake took too long"},
    tls_entry{errc::cert_altname_invalid, "ERR_TLS_CERT_ALTNAME_INVALID",
              "the host name or address does not match the certificate's names"},
    tls_entry{errc::cert_altname_format, "ERR_TLS_CERT_ALTNAME_FORMAT", "invalid format of a subject alternative name"},
    tls_entry{errc::invalid_state, "ERR_TLS_INVALID_STATE", "the TLS connection is not established"},
    tls_entry{errc::session_attack, "ERR_TLS_SESSION_ATTACK", "TLS session renegotiation attack detected"},
    tls_entry{errc::renegotiation_disabled, "ERR_TLS_RENEGOTIATION_DISABLED",
              "TLS session renegotiation disabled for this socket"},
    tls_entry{errc::handler_failed, "ERR_TLS_HANDLER_FAILED", "a handler that the TLS handshake asked failed"},
    tls_entry{errc::too_many_messages, "ERR_TLS_TOO_MANY_MESSAGES",
              "the peer sends too many messages that carry no data"},
    tls_entry{errc::handshake_refused, "ERR_TLS_HANDSHAKE_REFUSED", "the program refused the TLS handshake"},
    tls_entry{errc::invalid_signature, "ERR_TLS_INVALID_SIGNATURE",
              "what the signer made is no signature with its key"},
    tls_entry{errc::alpn_callback_invalid_result, "ERR_TLS_ALPN_CALLBACK_INVALID_RESULT",
              "ALPN: the program chose a protocol that the client did not offer"},
};

class tls_error_category final : public error_category {
public:
    const char* name() const noexcept override { return "tls"; }
    std::string message(int value) const override { return std::string(find(value).message); }
    std::string code(int value) const override { return std::string(find(value).code); }

    std::error_condition default_error_condition(int value) const noexcept override
    {
        switch (static_cast<errc>(value)) {
        case errc::handshake_interrupted: return std::errc::connection_reset;
        case errc::handshake_timeout: return std::errc::timed_out;
        case errc::invalid_state: return std::errc::not_connected;
        case errc::session_attack:
        case errc::renegotiation_disabled:
        case errc::too_many_messages: return std::errc::protocol_error;
        // The system has nothing that means these.
        case errc::truncated:
        case errc::cert_altname_invalid:
        case errc::cert_altname_format:
        case errc::handler_failed:
        case errc::handshake_refused:
        case errc::invalid_signature:
        case errc::alpn_callback_invalid_result: break;
        }
        return std::error_condition(value, *this);
    }

private:
    static tls_entry find(int value) noexcept
    {
        for (const tls_entry& candidate : tls_entries)
            if (static_cast<int>(candidate.value) == value)
                return candidate;
        return {errc{}, "UNKNOWN", "unknown TLS error"};
    }
};

class openssl_error_category final : public error_category {
public:
    const char* name() const noexcept override { return "openssl"; }
    std::string message(int value) const override
    {
        const char* reason = ERR_reason_error_string(static_cast<unsigned int>(value));
        return reason ? reason : "unknown OpenSSL error";
    }
    std::string code(int value) const override
    {
        return internal::protocol_error_code(static_cast<unsigned int>(value));
    }
};

struct verify_entry {
    long value;
    std::string_view name;
};

#define COIL_VERIFY_ENTRY(name)                                                                                        \
    verify_entry                                                                                                       \
    {                                                                                                                  \
        X509_V_ERR_##name, #name                                                                                       \
    }
constexpr std::array verify_entries{
    COIL_VERIFY_ENTRY(UNABLE_TO_GET_ISSUER_CERT),
    COIL_VERIFY_ENTRY(UNABLE_TO_GET_CRL),
    COIL_VERIFY_ENTRY(UNABLE_TO_DECRYPT_CERT_SIGNATURE),
    COIL_VERIFY_ENTRY(UNABLE_TO_DECRYPT_CRL_SIGNATURE),
    COIL_VERIFY_ENTRY(UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY),
    COIL_VERIFY_ENTRY(CERT_SIGNATURE_FAILURE),
    COIL_VERIFY_ENTRY(CRL_SIGNATURE_FAILURE),
    COIL_VERIFY_ENTRY(CERT_NOT_YET_VALID),
    COIL_VERIFY_ENTRY(CERT_HAS_EXPIRED),
    COIL_VERIFY_ENTRY(CRL_NOT_YET_VALID),
    COIL_VERIFY_ENTRY(CRL_HAS_EXPIRED),
    COIL_VERIFY_ENTRY(ERROR_IN_CERT_NOT_BEFORE_FIELD),
    COIL_VERIFY_ENTRY(ERROR_IN_CERT_NOT_AFTER_FIELD),
    COIL_VERIFY_ENTRY(ERROR_IN_CRL_LAST_UPDATE_FIELD),
    COIL_VERIFY_ENTRY(ERROR_IN_CRL_NEXT_UPDATE_FIELD),
    COIL_VERIFY_ENTRY(OUT_OF_MEM),
    COIL_VERIFY_ENTRY(DEPTH_ZERO_SELF_SIGNED_CERT),
    COIL_VERIFY_ENTRY(SELF_SIGNED_CERT_IN_CHAIN),
    COIL_VERIFY_ENTRY(UNABLE_TO_GET_ISSUER_CERT_LOCALLY),
    COIL_VERIFY_ENTRY(UNABLE_TO_VERIFY_LEAF_SIGNATURE),
    COIL_VERIFY_ENTRY(CERT_CHAIN_TOO_LONG),
    COIL_VERIFY_ENTRY(CERT_REVOKED),
    COIL_VERIFY_ENTRY(NO_ISSUER_PUBLIC_KEY),
    COIL_VERIFY_ENTRY(PATH_LENGTH_EXCEEDED),
    COIL_VERIFY_ENTRY(INVALID_PURPOSE),
    COIL_VERIFY_ENTRY(CERT_UNTRUSTED),
    COIL_VERIFY_ENTRY(CERT_REJECTED),
    COIL_VERIFY_ENTRY(SUBJECT_ISSUER_MISMATCH),
    COIL_VERIFY_ENTRY(AKID_SKID_MISMATCH),
    COIL_VERIFY_ENTRY(AKID_ISSUER_SERIAL_MISMATCH),
    COIL_VERIFY_ENTRY(KEYUSAGE_NO_CERTSIGN),
    COIL_VERIFY_ENTRY(UNABLE_TO_GET_CRL_ISSUER),
    COIL_VERIFY_ENTRY(UNHANDLED_CRITICAL_EXTENSION),
    COIL_VERIFY_ENTRY(KEYUSAGE_NO_CRL_SIGN),
    COIL_VERIFY_ENTRY(UNHANDLED_CRITICAL_CRL_EXTENSION),
    COIL_VERIFY_ENTRY(INVALID_NON_CA),
    COIL_VERIFY_ENTRY(PROXY_PATH_LENGTH_EXCEEDED),
    COIL_VERIFY_ENTRY(KEYUSAGE_NO_DIGITAL_SIGNATURE),
    COIL_VERIFY_ENTRY(PROXY_CERTIFICATES_NOT_ALLOWED),
    COIL_VERIFY_ENTRY(INVALID_EXTENSION),
    COIL_VERIFY_ENTRY(INVALID_POLICY_EXTENSION),
    COIL_VERIFY_ENTRY(NO_EXPLICIT_POLICY),
    COIL_VERIFY_ENTRY(DIFFERENT_CRL_SCOPE),
    COIL_VERIFY_ENTRY(UNSUPPORTED_EXTENSION_FEATURE),
    COIL_VERIFY_ENTRY(UNNESTED_RESOURCE),
    COIL_VERIFY_ENTRY(PERMITTED_VIOLATION),
    COIL_VERIFY_ENTRY(EXCLUDED_VIOLATION),
    COIL_VERIFY_ENTRY(SUBTREE_MINMAX),
    COIL_VERIFY_ENTRY(APPLICATION_VERIFICATION),
    COIL_VERIFY_ENTRY(UNSUPPORTED_CONSTRAINT_TYPE),
    COIL_VERIFY_ENTRY(UNSUPPORTED_CONSTRAINT_SYNTAX),
    COIL_VERIFY_ENTRY(UNSUPPORTED_NAME_SYNTAX),
    COIL_VERIFY_ENTRY(CRL_PATH_VALIDATION_ERROR),
    COIL_VERIFY_ENTRY(PATH_LOOP),
    COIL_VERIFY_ENTRY(SUITE_B_INVALID_VERSION),
    COIL_VERIFY_ENTRY(SUITE_B_INVALID_ALGORITHM),
    COIL_VERIFY_ENTRY(SUITE_B_INVALID_CURVE),
    COIL_VERIFY_ENTRY(SUITE_B_INVALID_SIGNATURE_ALGORITHM),
    COIL_VERIFY_ENTRY(SUITE_B_LOS_NOT_ALLOWED),
    COIL_VERIFY_ENTRY(SUITE_B_CANNOT_SIGN_P_384_WITH_P_256),
    COIL_VERIFY_ENTRY(HOSTNAME_MISMATCH),
    COIL_VERIFY_ENTRY(EMAIL_MISMATCH),
    COIL_VERIFY_ENTRY(IP_ADDRESS_MISMATCH),
    COIL_VERIFY_ENTRY(DANE_NO_MATCH),
    COIL_VERIFY_ENTRY(EE_KEY_TOO_SMALL),
    COIL_VERIFY_ENTRY(CA_KEY_TOO_SMALL),
    COIL_VERIFY_ENTRY(CA_MD_TOO_WEAK),
    COIL_VERIFY_ENTRY(INVALID_CALL),
    COIL_VERIFY_ENTRY(STORE_LOOKUP),
    COIL_VERIFY_ENTRY(NO_VALID_SCTS),
    COIL_VERIFY_ENTRY(PROXY_SUBJECT_NAME_VIOLATION),
    COIL_VERIFY_ENTRY(OCSP_VERIFY_NEEDED),
    COIL_VERIFY_ENTRY(OCSP_VERIFY_FAILED),
    COIL_VERIFY_ENTRY(OCSP_CERT_UNKNOWN),
    COIL_VERIFY_ENTRY(UNSUPPORTED_SIGNATURE_ALGORITHM),
    COIL_VERIFY_ENTRY(SIGNATURE_ALGORITHM_MISMATCH),
    COIL_VERIFY_ENTRY(SIGNATURE_ALGORITHM_INCONSISTENCY),
    COIL_VERIFY_ENTRY(INVALID_CA),
    COIL_VERIFY_ENTRY(PATHLEN_INVALID_FOR_NON_CA),
    COIL_VERIFY_ENTRY(PATHLEN_WITHOUT_KU_KEY_CERT_SIGN),
    COIL_VERIFY_ENTRY(KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA),
    COIL_VERIFY_ENTRY(ISSUER_NAME_EMPTY),
    COIL_VERIFY_ENTRY(SUBJECT_NAME_EMPTY),
    COIL_VERIFY_ENTRY(MISSING_AUTHORITY_KEY_IDENTIFIER),
    COIL_VERIFY_ENTRY(MISSING_SUBJECT_KEY_IDENTIFIER),
    COIL_VERIFY_ENTRY(EMPTY_SUBJECT_ALT_NAME),
    COIL_VERIFY_ENTRY(EMPTY_SUBJECT_SAN_NOT_CRITICAL),
    COIL_VERIFY_ENTRY(CA_BCONS_NOT_CRITICAL),
    COIL_VERIFY_ENTRY(AUTHORITY_KEY_IDENTIFIER_CRITICAL),
    COIL_VERIFY_ENTRY(SUBJECT_KEY_IDENTIFIER_CRITICAL),
    COIL_VERIFY_ENTRY(CA_CERT_MISSING_KEY_USAGE),
    COIL_VERIFY_ENTRY(EXTENSIONS_REQUIRE_VERSION_3),
    COIL_VERIFY_ENTRY(EC_KEY_EXPLICIT_PARAMS),
#ifdef X509_V_ERR_RPK_UNTRUSTED
    COIL_VERIFY_ENTRY(RPK_UNTRUSTED),
#endif
};
#undef COIL_VERIFY_ENTRY

class verify_error_category final : public error_category {
public:
    const char* name() const noexcept override { return "x509"; }
    std::string message(int value) const override { return X509_verify_cert_error_string(value); }
    std::string code(int value) const override { return std::string(verify_error_name(value)); }
};

}  // namespace

const error_category& tls_category() noexcept
{
    static const tls_error_category instance;
    return instance;
}

const error_category& openssl_category() noexcept
{
    static const openssl_error_category instance;
    return instance;
}

const error_category& verify_category() noexcept
{
    static const verify_error_category instance;
    return instance;
}

std::error_code make_error_code(errc value) noexcept
{
    return {static_cast<int>(value), tls_category()};
}

std::string_view verify_error_name(long verify_result) noexcept
{
    if (verify_result == X509_V_OK)
        return {};
    for (const verify_entry& candidate : verify_entries)
        if (candidate.value == verify_result)
            return candidate.name;
    return "UNSPECIFIED";
}

error::error(error_info info)
    : std::runtime_error(info.message), info_(std::make_shared<const error_info>(std::move(info)))
{
}

error::error(std::string code, const std::string& message)
    : error([&] {
          error_info info;
          info.code = std::move(code);
          info.message = message;
          return info;
      }())
{
}

}  // namespace coil::tls
