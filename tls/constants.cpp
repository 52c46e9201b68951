#include <coil/tls/constants.hpp>

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/internal/root_certificates.hpp>

#include <openssl/ec.h>
#include <openssl/objects.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace coil::tls {
namespace {

static_assert(secure_option::allow_no_dhe_kex == SSL_OP_ALLOW_NO_DHE_KEX);
static_assert(secure_option::no_ticket == SSL_OP_NO_TICKET);
static_assert(secure_option::prioritize_chacha == SSL_OP_PRIORITIZE_CHACHA);
static_assert(secure_option::cipher_server_preference == SSL_OP_CIPHER_SERVER_PREFERENCE);
static_assert(secure_option::no_tlsv1 == SSL_OP_NO_TLSv1);
static_assert(secure_option::no_tlsv1_1 == SSL_OP_NO_TLSv1_1);
static_assert(secure_option::no_tlsv1_2 == SSL_OP_NO_TLSv1_2);
static_assert(secure_option::no_tlsv1_3 == SSL_OP_NO_TLSv1_3);
static_assert(secure_option::no_renegotiation == SSL_OP_NO_RENEGOTIATION);
static_assert(static_cast<int>(protocol_version::tlsv1) == TLS1_VERSION);
static_assert(static_cast<int>(protocol_version::tlsv1_3) == TLS1_3_VERSION);

struct version_name {
    protocol_version version;
    std::string_view name;
};

constexpr std::array version_names{
    version_name{protocol_version::tlsv1, "TLSv1"},
    version_name{protocol_version::tlsv1_1, "TLSv1.1"},
    version_name{protocol_version::tlsv1_2, "TLSv1.2"},
    version_name{protocol_version::tlsv1_3, "TLSv1.3"},
};

struct guarded_settings {
    std::mutex mutex;
    settings values;
};

guarded_settings& process_settings()
{
    static guarded_settings instance;
    return instance;
}

}  // namespace

std::string_view to_string(protocol_version version) noexcept
{
    for (const version_name& candidate : version_names)
        if (candidate.version == version)
            return candidate.name;
    return "unknown";
}

protocol_version parse_protocol_version(std::string_view text)
{
    for (const version_name& candidate : version_names)
        if (candidate.name == text)
            return candidate.version;
    throw internal::argument_error("ERR_TLS_INVALID_PROTOCOL_VERSION",
                                   "\"" + std::string(text) +
                                       "\" is not a TLS protocol version: use TLSv1, TLSv1.1, "
                                       "TLSv1.2 or TLSv1.3");
}

settings defaults()
{
    guarded_settings& instance = process_settings();
    const std::lock_guard lock(instance.mutex);
    return instance.values;
}

void set_defaults(settings values)
{
    guarded_settings& instance = process_settings();
    const std::lock_guard lock(instance.mutex);
    instance.values = std::move(values);
}

std::span<const std::string_view> root_certificates() noexcept
{
    return {internal::root_certificate_pems, internal::root_certificate_count};
}

std::vector<std::string> get_ciphers()
{
    const internal::error_queue_guard guard;
    const internal::ssl_ctx_ptr context(SSL_CTX_new(TLS_method()));
    if (!context)
        throw internal::setup_error("list of cipher suites");
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_cipher_list(context.get(), "ALL:COMPLEMENTOFALL");
    SSL_CTX_set_ciphersuites(context.get(),
                             "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"
                             "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256");
    std::vector<std::string> names;
    const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context.get());
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
        std::string& name = names.emplace_back(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)));
        for (char& c : name)
            if (c >= 'A' && c <= 'Z')
                c = static_cast<char>(c - 'A' + 'a');
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::vector<std::string> get_curves()
{
    std::vector<EC_builtin_curve> curves(EC_get_builtin_curves(nullptr, 0));
    EC_get_builtin_curves(curves.data(), curves.size());
    std::vector<std::string> names;
    for (const EC_builtin_curve& curve : curves)
        if (const char* name = OBJ_nid2sn(curve.nid))
            names.emplace_back(name);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace coil::tls
