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
              "the peer renegotiates, which is disabled on this connection"},
    tls_entry{errc::handler_failed, "ERR_TLS_HANDLER_FAILED", "a handler that the TLS handshake asked failed"},
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
        case errc::renegotiation_disabled: return std::errc::protocol_error;
        // The system has nothing that means these.
        case errc::truncated:
        case errc::cert_altname_invalid:
        case errc::cert_altname_format:
        case errc::handler_failed: break;
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
    COIL_VERIFY_ENTRY(INVALID_CA),
    COIL_VERIFY_ENTRY(PATH_LENGTH_EXCEEDED),
    COIL_VERIFY_ENTRY(INVALID_PURPOSE),
    COIL_VERIFY_ENTRY(CERT_UNTRUSTED),
    COIL_VERIFY_ENTRY(CERT_REJECTED),
    COIL_VERIFY_ENTRY(HOSTNAME_MISMATCH),
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
