#include <coil/tls/internal/signing.hpp>

#include <algorithm>
#include <array>

#include <openssl/rsa.h>

namespace coil::tls::internal {
namespace {

using enum signature_scheme;

enum class key_kind { rsa, rsa_pss, ec, ed25519, ed448 };

struct scheme_entry {
    signature_scheme scheme;
    key_kind key;
    std::string_view digest;
    bool pss = false;
};

constexpr std::array schemes{
    scheme_entry{rsa_pkcs1_md5_sha1, key_kind::rsa, "MD5-SHA1"},
    scheme_entry{rsa_pkcs1_sha1, key_kind::rsa, "SHA1"},
    scheme_entry{ecdsa_sha1, key_kind::ec, "SHA1"},
    scheme_entry{rsa_pkcs1_sha224, key_kind::rsa, "SHA2-224"},
    scheme_entry{ecdsa_sha224, key_kind::ec, "SHA2-224"},
    scheme_entry{rsa_pkcs1_sha256, key_kind::rsa, "SHA2-256"},
    scheme_entry{ecdsa_sha256, key_kind::ec, "SHA2-256"},
    scheme_entry{rsa_pkcs1_sha384, key_kind::rsa, "SHA2-384"},
    scheme_entry{ecdsa_sha384, key_kind::ec, "SHA2-384"},
    scheme_entry{rsa_pkcs1_sha512, key_kind::rsa, "SHA2-512"},
    scheme_entry{ecdsa_sha512, key_kind::ec, "SHA2-512"},
    scheme_entry{rsa_pss_rsae_sha256, key_kind::rsa, "SHA2-256", true},
    scheme_entry{rsa_pss_rsae_sha384, key_kind::rsa, "SHA2-384", true},
    scheme_entry{rsa_pss_rsae_sha512, key_kind::rsa, "SHA2-512", true},
    scheme_entry{ed25519, key_kind::ed25519, ""},
    scheme_entry{ed448, key_kind::ed448, ""},
    scheme_entry{rsa_pss_pss_sha256, key_kind::rsa_pss, "SHA2-256", true},
    scheme_entry{rsa_pss_pss_sha384, key_kind::rsa_pss, "SHA2-384", true},
    scheme_entry{rsa_pss_pss_sha512, key_kind::rsa_pss, "SHA2-512", true},
};

const scheme_entry* find(signature_scheme scheme) noexcept
{
    const auto found = std::ranges::find(schemes, scheme, &scheme_entry::scheme);
    return found == schemes.end() ? nullptr : &*found;
}

std::optional<key_kind> kind_of(EVP_PKEY* key) noexcept
{
    constexpr std::array<std::pair<const char*, key_kind>, 5> names{{{"RSA", key_kind::rsa},
                                                                     {"RSA-PSS", key_kind::rsa_pss},
                                                                     {"EC", key_kind::ec},
                                                                     {"ED25519", key_kind::ed25519},
                                                                     {"ED448", key_kind::ed448}}};
    for (const auto& [name, kind] : names)
        if (EVP_PKEY_is_a(key, name) == 1)
            return kind;
    return std::nullopt;
}

using digest_context_ptr = openssl_ptr<EVP_MD_CTX, EVP_MD_CTX_free>;

bool set_padding(EVP_PKEY_CTX* of, const scheme_entry& entry) noexcept
{
    if (!entry.pss)
        return true;
    return EVP_PKEY_CTX_set_rsa_padding(of, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(of, RSA_PSS_SALTLEN_DIGEST) == 1;
}

const char* name_or_null(std::string_view digest) noexcept
{
    return digest.empty() ? nullptr : digest.data();
}

const unsigned char* octets(std::span<const std::byte> bytes) noexcept
{
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

std::string_view digest_name(signature_scheme scheme) noexcept
{
    const scheme_entry* const entry = find(scheme);
    return entry ? entry->digest : std::string_view();
}

bool is_pss(signature_scheme scheme) noexcept
{
    const scheme_entry* const entry = find(scheme);
    return entry && entry->pss;
}

std::optional<signature_scheme> scheme_of(EVP_PKEY* key, std::string_view digest, bool pss) noexcept
{
    const std::optional<key_kind> kind = kind_of(key);
    const EVP_MD* const wanted = digest.empty() ? nullptr : EVP_get_digestbyname(std::string(digest).c_str());
    for (const scheme_entry& each : schemes) {
        const EVP_MD* const own = each.digest.empty() ? nullptr : EVP_get_digestbyname(each.digest.data());
        const bool same = own && wanted ? EVP_MD_get_type(own) == EVP_MD_get_type(wanted) : own == wanted;
        if (kind == each.key && pss == each.pss && (same || each.digest == digest))
            return each.scheme;
    }
    return std::nullopt;
}

std::vector<std::byte> sign(EVP_PKEY* key, signature_scheme scheme, std::span<const std::byte> message)
{
    const error_queue_guard guard;
    const scheme_entry* const entry = find(scheme);
    if (!entry || kind_of(key) != entry->key)
        throw argument_error("ERR_INVALID_ARG_VALUE", "the key cannot make signatures of this scheme");
    const digest_context_ptr context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* of = nullptr;
    std::size_t size = 0;
    if (!context ||
        EVP_DigestSignInit_ex(context.get(), &of, name_or_null(entry->digest), nullptr, nullptr, key, nullptr) != 1 ||
        !set_padding(of, *entry) || EVP_DigestSign(context.get(), nullptr, &size, octets(message), message.size()) != 1)
        throw setup_error("signature");
    std::vector<std::byte> made(size);
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(made.data()), &size, octets(message),
                       message.size()) != 1)
        throw setup_error("signature");
    made.resize(size);
    return made;
}

bool verifies(EVP_PKEY* key, signature_scheme scheme, std::span<const std::byte> message,
              std::span<const std::byte> made) noexcept
{
    const scheme_entry* const entry = find(scheme);
    const digest_context_ptr context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* of = nullptr;
    ERR_set_mark();
    const bool good =
        entry && context && !made.empty() &&
        EVP_DigestVerifyInit_ex(context.get(), &of, name_or_null(entry->digest), nullptr, nullptr, key, nullptr) == 1 &&
        set_padding(of, *entry) &&
        EVP_DigestVerify(context.get(), octets(made), made.size(), octets(message), message.size()) == 1;
    ERR_pop_to_mark();
    return good;
}

}  // namespace coil::tls::internal
