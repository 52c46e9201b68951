#include "tests/support/credentials.hpp"

#include <coil/tls/internal/openssl.hpp>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace coil::test {
namespace {

using tls::internal::bio_ptr;
using tls::internal::evp_pkey_ptr;
using tls::internal::openssl_ptr;
using tls::internal::x509_crl_ptr;
using tls::internal::x509_ptr;

void require(bool good)
{
    if (!good)
        throw tls::internal::setup_error("test certificates");
}

evp_pkey_ptr make_key(key_kind kind)
{
    const auto made = [kind]() -> EVP_PKEY* {
        switch (kind) {
        case key_kind::ec_p256: return EVP_EC_gen("P-256");
        case key_kind::ec_p384: return EVP_EC_gen("P-384");
        case key_kind::ed25519: return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
        case key_kind::ed448: return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448");
        case key_kind::rsa_2048: return EVP_RSA_gen(2048);
        case key_kind::rsa_4096: return EVP_RSA_gen(4096);
        case key_kind::rsa_pss_2048: {
            const openssl_ptr<EVP_PKEY_CTX, EVP_PKEY_CTX_free> making(
                EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
            EVP_PKEY* key = nullptr;
            require(EVP_PKEY_keygen_init(making.get()) == 1 && EVP_PKEY_generate(making.get(), &key) == 1);
            return key;
        }
        }
        return nullptr;
    };
    evp_pkey_ptr key(made());
    require(key != nullptr);
    return key;
}

std::string text_of(const bio_ptr& bio)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* cert)
{
    const bio_ptr out(BIO_new(BIO_s_mem()));
    require(PEM_write_bio_X509(out.get(), cert) == 1);
    return text_of(out);
}

std::string pem_of(EVP_PKEY* key, const std::string& passphrase = {})
{
    const bio_ptr out(BIO_new(BIO_s_mem()));
    const auto* word = reinterpret_cast<const unsigned char*>(passphrase.data());
    require(PEM_write_bio_PKCS8PrivateKey(out.get(), key, passphrase.empty() ? nullptr : EVP_aes_128_cbc(),
                                          reinterpret_cast<const char*>(word), static_cast<int>(passphrase.size()),
                                          nullptr, nullptr) == 1);
    return text_of(out);
}

x509_ptr parse_certificate(const std::string& pem)
{
    x509_ptr cert(PEM_read_bio_X509(tls::internal::read_only_bio(pem).get(), nullptr, nullptr, nullptr));
    require(cert != nullptr);
    return cert;
}

void add_extension(X509* cert, X509* issuer, const std::string& name, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
    const openssl_ptr<X509_EXTENSION, X509_EXTENSION_free> extension(
        X509V3_EXT_nconf(nullptr, &context, name.c_str(), value.c_str()));
    require(extension && X509_add_ext(cert, extension.get(), -1) == 1);
}

void add_dns_names(X509* cert, const std::vector<std::string>& names)
{
    const tls::internal::general_names_ptr list(GENERAL_NAMES_new());
    for (const std::string& name : names) {
        GENERAL_NAME* entry = GENERAL_NAME_new();
        ASN1_IA5STRING* text = ASN1_IA5STRING_new();
        ASN1_STRING_set(text, name.data(), static_cast<int>(name.size()));
        GENERAL_NAME_set0_value(entry, GEN_DNS, text);
        sk_GENERAL_NAME_push(list.get(), entry);
    }
    require(X509_add1_ext_i2d(cert, NID_subject_alt_name, list.get(), 0, 0) == 1);
}

void add_attribute(X509_NAME* name, const std::string& type, const std::string& value)
{
    require(X509_NAME_add_entry_by_txt(name, type.c_str(), MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(value.data()),
                                       static_cast<int>(value.size()), -1, 0) == 1);
}

x509_ptr begin_certificate(const certificate_options& options, EVP_PKEY* key)
{
    x509_ptr cert(X509_new());
    require(X509_set_version(cert.get(), X509_VERSION_3) == 1);
    unsigned char serial[8];
    RAND_bytes(serial, sizeof(serial));
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);
    const openssl_ptr<BIGNUM, BN_free> number(BN_bin2bn(serial, sizeof(serial), nullptr));
    BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert.get()));
    constexpr long day = 24 * 60 * 60;
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), options.valid_from_days * day);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), options.valid_to_days * day);
    X509_NAME* subject = X509_get_subject_name(cert.get());
    for (const auto& [type, value] : options.subject)
        add_attribute(subject, type, value);
    if (!options.common_name.empty())
        add_attribute(subject, "CN", options.common_name);
    require(X509_set_pubkey(cert.get(), key) == 1);
    return cert;
}

/// @param issuer  null for a certificate that signs itself.
x509_ptr make_certificate(const certificate_options& options, bool is_authority, EVP_PKEY* key, X509* issuer,
                          EVP_PKEY* issuer_key)
{
    x509_ptr cert = begin_certificate(options, key);
    X509* signer = issuer ? issuer : cert.get();
    require(X509_set_issuer_name(cert.get(), X509_get_subject_name(signer)) == 1);
    add_extension(cert.get(), signer, "basicConstraints", is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    add_extension(cert.get(), signer, "subjectKeyIdentifier", "hash");
    add_extension(cert.get(), signer, "authorityKeyIdentifier", "keyid");
    if (is_authority)
        add_extension(cert.get(), signer, "keyUsage", "critical,keyCertSign,cRLSign");
    else if (!options.extended_key_usage.empty())
        add_extension(cert.get(), signer, "extendedKeyUsage", options.extended_key_usage);
    if (!options.dns_names.empty())
        add_dns_names(cert.get(), options.dns_names);
    else if (!options.alternative_names.empty())
        add_extension(cert.get(), signer, "subjectAltName", options.alternative_names);
    for (const auto& [name, value] : options.extensions)
        add_extension(cert.get(), signer, name, value);
    EVP_PKEY* const signing = issuer ? issuer_key : key;
    const bool digests = EVP_PKEY_is_a(signing, "ED25519") != 1 && EVP_PKEY_is_a(signing, "ED448") != 1;
    require(X509_sign(cert.get(), signing, digests ? EVP_sha256() : nullptr) != 0);
    return cert;
}

certificate_options authority_options(const std::string& name)
{
    return {.alternative_names = "", .common_name = name};
}

void write_file(const std::filesystem::path& path, const std::string& text)
{
    std::ofstream(path) << text;
}

}  // namespace

struct authority::parts {
    x509_ptr cert;
    evp_pkey_ptr key;
    std::string pem;
    /// What issued certificates send along: nothing below a root.
    std::string chain;
};

std::string identity::leaf() const
{
    return pem_of(parse_certificate(cert).get());
}

std::string identity::encrypted_key(const std::string& passphrase) const
{
    const evp_pkey_ptr plain(
        PEM_read_bio_PrivateKey(tls::internal::read_only_bio(key).get(), nullptr, nullptr, nullptr));
    require(plain != nullptr);
    return pem_of(plain.get(), passphrase);
}

authority::authority(const std::string& name, key_kind kind) : parts_(std::make_unique<parts>())
{
    parts_->key = make_key(kind);
    parts_->cert = make_certificate(authority_options(name), true, parts_->key.get(), nullptr, nullptr);
    parts_->pem = pem_of(parts_->cert.get());
}

authority::authority(std::unique_ptr<parts> own) : parts_(std::move(own)) {}
authority::~authority() = default;

const std::string& authority::certificate() const noexcept
{
    return parts_->pem;
}

identity authority::itself() const
{
    return {parts_->pem, pem_of(parts_->key.get())};
}

identity authority::issue(const certificate_options& options) const
{
    const evp_pkey_ptr key = make_key(options.key);
    const x509_ptr cert = make_certificate(options, false, key.get(), parts_->cert.get(), parts_->key.get());
    return {pem_of(cert.get()) + parts_->chain, pem_of(key.get())};
}

std::unique_ptr<authority>
authority::issue_authority(const std::string& name,
                           const std::vector<std::pair<std::string, std::string>>& extensions) const
{
    certificate_options options = authority_options(name);
    options.extensions = extensions;
    auto below = std::make_unique<parts>();
    below->key = make_key(key_kind::ec_p256);
    below->cert = make_certificate(options, true, below->key.get(), parts_->cert.get(), parts_->key.get());
    below->pem = pem_of(below->cert.get());
    below->chain = below->pem + parts_->chain;
    return std::unique_ptr<authority>(new authority(std::move(below)));
}

std::string authority::revoke(const std::vector<identity>& revoked) const
{
    const x509_crl_ptr list(X509_CRL_new());
    X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(parts_->cert.get()));
    const openssl_ptr<ASN1_TIME, ASN1_TIME_free> now(X509_gmtime_adj(nullptr, -60));
    const openssl_ptr<ASN1_TIME, ASN1_TIME_free> next(X509_gmtime_adj(nullptr, 24 * 60 * 60));
    X509_CRL_set1_lastUpdate(list.get(), now.get());
    X509_CRL_set1_nextUpdate(list.get(), next.get());
    for (const identity& who : revoked) {
        X509_REVOKED* entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(parse_certificate(who.cert).get()));
        X509_REVOKED_set_revocationDate(entry, now.get());
        X509_CRL_add0_revoked(list.get(), entry);
    }
    X509_CRL_sort(list.get());
    require(X509_CRL_sign(list.get(), parts_->key.get(), EVP_sha256()) != 0);
    const bio_ptr out(BIO_new(BIO_s_mem()));
    require(PEM_write_bio_X509_CRL(out.get(), list.get()) == 1);
    return text_of(out);
}

identity self_signed(const certificate_options& options)
{
    const evp_pkey_ptr key = make_key(options.key);
    const x509_ptr cert = make_certificate(options, false, key.get(), nullptr, nullptr);
    return {pem_of(cert.get()), pem_of(key.get())};
}

const credentials& shared_credentials()
{
    static const credentials instance;
    return instance;
}

credential_files::credential_files()
{
    const char* given = std::getenv("TEST_TMPDIR");
    std::string pattern = std::string(given ? given : "/tmp") + "/coil-credentials-XXXXXX";
    if (!::mkdtemp(pattern.data()))
        throw std::runtime_error("no temporary folder for test certificates");
    folder_ = pattern;
    const credentials& all = shared_credentials();
    write_file(folder_ / "root.pem", all.root.certificate());
    write_file(folder_ / "other_root.pem", all.other_root.certificate());
    write_file(folder_ / "intermediate.pem", all.intermediate->certificate());
    const std::vector<std::pair<std::string, const identity*>> identities{
        {"server", &all.server},
        {"server_rsa", &all.server_rsa},
        {"server_below", &all.server_below},
        {"server_a", &all.server_a},
        {"server_b", &all.server_b},
        {"wildcard", &all.wildcard},
        {"only_address", &all.only_address},
        {"wrong_name", &all.wrong_name},
        {"expired", &all.expired},
        {"not_yet_valid", &all.not_yet_valid},
        {"self_signed_server", &all.self_signed_server},
        {"client", &all.client},
        {"foreign_client", &all.foreign_client},
        {"expired_client", &all.expired_client},
        {"self_signed_client", &all.self_signed_client},
    };
    for (const auto& [name, who] : identities) {
        write_file(folder_ / (name + ".pem"), who->cert);
        write_file(folder_ / (name + ".key"), who->key);
    }
}

credential_files::~credential_files()
{
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

}  // namespace coil::test
