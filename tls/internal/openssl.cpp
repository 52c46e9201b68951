#include <coil/tls/internal/openssl.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace coil::tls::internal {
namespace {

struct library_name {
    int number;
    std::string_view prefix;
};

/// The libraries whose name Node puts into a code. Others (decoders, providers) leave only the reason.
constexpr std::array library_names{
    library_name{ERR_LIB_SYS, "SYS_"},       library_name{ERR_LIB_BN, "BN_"},
    library_name{ERR_LIB_RSA, "RSA_"},       library_name{ERR_LIB_DH, "DH_"},
    library_name{ERR_LIB_EVP, "EVP_"},       library_name{ERR_LIB_BUF, "BUF_"},
    library_name{ERR_LIB_OBJ, "OBJ_"},       library_name{ERR_LIB_PEM, "PEM_"},
    library_name{ERR_LIB_DSA, "DSA_"},       library_name{ERR_LIB_X509, "X509_"},
    library_name{ERR_LIB_ASN1, "ASN1_"},     library_name{ERR_LIB_CONF, "CONF_"},
    library_name{ERR_LIB_CRYPTO, "CRYPTO_"}, library_name{ERR_LIB_EC, "EC_"},
    library_name{ERR_LIB_BIO, "BIO_"},       library_name{ERR_LIB_PKCS7, "PKCS7_"},
    library_name{ERR_LIB_X509V3, "X509V3_"}, library_name{ERR_LIB_PKCS12, "PKCS12_"},
    library_name{ERR_LIB_RAND, "RAND_"},     library_name{ERR_LIB_DSO, "DSO_"},
    library_name{ERR_LIB_ENGINE, "ENGINE_"}, library_name{ERR_LIB_OCSP, "OCSP_"},
    library_name{ERR_LIB_UI, "UI_"},         library_name{ERR_LIB_COMP, "COMP_"},
    library_name{ERR_LIB_CMS, "CMS_"},       library_name{ERR_LIB_TS, "TS_"},
    library_name{ERR_LIB_HMAC, "HMAC_"},     library_name{ERR_LIB_CT, "CT_"},
    library_name{ERR_LIB_ASYNC, "ASYNC_"},   library_name{ERR_LIB_KDF, "KDF_"},
    library_name{ERR_LIB_SM2, "SM2_"},       library_name{ERR_LIB_USER, "USER_"},
};

struct alert_name {
    int reason;
    std::string_view name;
};

/// Alerts that the peer sent, by numbers that stay the same. OpenSSL 3.6 has new texts for them; programs compare codes.
constexpr std::array alert_names{
    alert_name{1010, "SSLV3_ALERT_UNEXPECTED_MESSAGE"},
    alert_name{1020, "SSLV3_ALERT_BAD_RECORD_MAC"},
    alert_name{1021, "TLSV1_ALERT_DECRYPTION_FAILED"},
    alert_name{1022, "TLSV1_ALERT_RECORD_OVERFLOW"},
    alert_name{1030, "SSLV3_ALERT_DECOMPRESSION_FAILURE"},
    alert_name{1040, "SSLV3_ALERT_HANDSHAKE_FAILURE"},
    alert_name{1041, "SSLV3_ALERT_NO_CERTIFICATE"},
    alert_name{1042, "SSLV3_ALERT_BAD_CERTIFICATE"},
    alert_name{1043, "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"},
    alert_name{1044, "SSLV3_ALERT_CERTIFICATE_REVOKED"},
    alert_name{1045, "SSLV3_ALERT_CERTIFICATE_EXPIRED"},
    alert_name{1046, "SSLV3_ALERT_CERTIFICATE_UNKNOWN"},
    alert_name{1047, "SSLV3_ALERT_ILLEGAL_PARAMETER"},
    alert_name{1048, "TLSV1_ALERT_UNKNOWN_CA"},
    alert_name{1049, "TLSV1_ALERT_ACCESS_DENIED"},
    alert_name{1050, "TLSV1_ALERT_DECODE_ERROR"},
    alert_name{1051, "TLSV1_ALERT_DECRYPT_ERROR"},
    alert_name{1060, "TLSV1_ALERT_EXPORT_RESTRICTION"},
    alert_name{1070, "TLSV1_ALERT_PROTOCOL_VERSION"},
    alert_name{1071, "TLSV1_ALERT_INSUFFICIENT_SECURITY"},
    alert_name{1080, "TLSV1_ALERT_INTERNAL_ERROR"},
    alert_name{1086, "TLSV1_ALERT_INAPPROPRIATE_FALLBACK"},
    alert_name{1090, "TLSV1_ALERT_USER_CANCELLED"},
    alert_name{1100, "TLSV1_ALERT_NO_RENEGOTIATION"},
    alert_name{1109, "TLSV13_ALERT_MISSING_EXTENSION"},
    alert_name{1110, "TLSV1_UNSUPPORTED_EXTENSION"},
    alert_name{1111, "TLSV1_CERTIFICATE_UNOBTAINABLE"},
    alert_name{1112, "TLSV1_UNRECOGNIZED_NAME"},
    alert_name{1113, "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE"},
    alert_name{1114, "TLSV1_BAD_CERTIFICATE_HASH_VALUE"},
    alert_name{1115, "TLSV1_ALERT_UNKNOWN_PSK_IDENTITY"},
    alert_name{1116, "TLSV13_ALERT_CERTIFICATE_REQUIRED"},
    alert_name{1120, "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"},
};

std::string upper_reason(unsigned long packed)
{
    // The texts may be asked for before anything else of OpenSSL was.
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr);
    const char* text = ERR_reason_error_string(packed);
    if (!text)
        return "UNKNOWN";
    std::string reason(text);
    for (char& c : reason) {
        if (c == ' ')
            c = '_';
        else if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    }
    return reason;
}

std::string text_or_empty(const char* text)
{
    return text ? text : std::string();
}

}  // namespace

std::string protocol_error_code(unsigned long packed)
{
    const bool known = ERR_GET_LIB(packed) == ERR_LIB_SSL;
    for (const alert_name& candidate : alert_names)
        if (known && candidate.reason == ERR_GET_REASON(packed))
            return "ERR_SSL_" + std::string(candidate.name);
    return "ERR_SSL_" + upper_reason(packed);
}

std::string setup_error_code(unsigned long packed)
{
    const int library = ERR_GET_LIB(packed);
    if (library == ERR_LIB_SSL)
        return protocol_error_code(packed);
    std::string code = "ERR_OSSL_";
    for (const library_name& candidate : library_names)
        if (candidate.number == library)
            code += candidate.prefix;
    return code + upper_reason(packed);
}

std::vector<openssl_error> take_error_stack()
{
    std::vector<openssl_error> stack;
    const char* data = nullptr;
    int flags = 0;
    while (const unsigned long packed = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
        openssl_error& entry = stack.emplace_back();
        entry.value = packed;
        entry.code = setup_error_code(packed);
        entry.library = text_or_empty(ERR_lib_error_string(packed));
        entry.reason = text_or_empty(ERR_reason_error_string(packed));
        if (data && (flags & ERR_TXT_STRING))
            entry.data = data;
    }
    return stack;
}

tls::error setup_error(std::string_view subject, std::string_view fallback_code)
{
    error_info info;
    info.openssl_error_stack = take_error_stack();
    info.message = subject;
    if (info.openssl_error_stack.empty()) {
        info.code = fallback_code;
        return tls::error(std::move(info));
    }
    const openssl_error& first = info.openssl_error_stack.front();
    info.code = first.code;
    info.library = first.library;
    info.reason = first.reason;
    info.message += ": " + first.reason;
    info.error = {static_cast<int>(first.value), openssl_category()};
    return tls::error(std::move(info));
}

tls::error argument_error(std::string_view code, std::string_view message)
{
    return tls::error(std::string(code), std::string(message));
}

bio_ptr read_only_bio(std::string_view text)
{
    bio_ptr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    if (!bio)
        throw std::bad_alloc();
    return bio;
}

int passphrase_callback(char* buffer, int size, int /*writing*/, void* user_data) noexcept
{
    const auto* passphrase = static_cast<const std::string*>(user_data);
    if (!passphrase)
        return 0;
    if (passphrase->size() > static_cast<std::size_t>(size))
        return -1;
    std::memcpy(buffer, passphrase->data(), passphrase->size());
    return static_cast<int>(passphrase->size());
}

}  // namespace coil::tls::internal
