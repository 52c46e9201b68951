#include <coil/tls/self_signed.hpp>

#include <coil/net/address.hpp>
#include <coil/tls/internal/openssl.hpp>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace coil::tls {
namespace {

using internal::bio_ptr;
using internal::evp_pkey_ptr;
using internal::general_names_ptr;
using internal::openssl_ptr;
using internal::x509_ptr;

constexpr std::size_t longest_common_name = 64;  // ub-common-name of X.509

void require(bool good)
{
    if (!good)
        throw internal::setup_error("self-signed certificate");
}

std::string text_of(const bio_ptr& bio)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

/// The bytes of an IP address, which in a certificate has no zone; empty if `text` is none.
std::string address_bytes(const std::string& text)
{
    if (!net::is_ip(text))
        return {};
    const std::string address = text.substr(0, text.find('%'));
    std::array<char, 16> bytes{};
    if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1)
        return {bytes.data(), 4};
    if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1)
        return {bytes.data(), 16};
    return {};
}

void check(const std::vector<std::string>& names)
{
    if (names.empty())
        throw internal::argument_error("ERR_INVALID_ARG_VALUE", "a self-signed certificate needs a name");
    for (const std::string& name : names) {
        const bool printable = std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
        if (name.empty() || name.size() > 253 || !printable)
            throw internal::argument_error("ERR_INVALID_ARG_VALUE",
                                           "a certificate cannot hold the name \"" + name + "\"");
    }
}

void push_name(GENERAL_NAMES* list, const std::string& name)
{
    const std::string address = address_bytes(name);
    openssl_ptr<GENERAL_NAME, GENERAL_NAME_free> entry(GENERAL_NAME_new());
    ASN1_STRING* value = ASN1_STRING_type_new(address.empty() ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
    require(entry && value);
    const std::string& content = address.empty() ? name : address;
    GENERAL_NAME_set0_value(entry.get(), address.empty() ? GEN_DNS : GEN_IPADD, value);
    require(ASN1_STRING_set(value, content.data(), static_cast<int>(content.size())) == 1);
    require(sk_GENERAL_NAME_push(list, entry.get()) > 0);
    static_cast<void>(entry.release());
}

void add_names(X509* cert, const std::vector<std::string>& names)
{
    const general_names_ptr list(GENERAL_NAMES_new());
    require(list != nullptr);
    for (const std::string& name : names)
        push_name(list.get(), name);
    require(X509_add1_ext_i2d(cert, NID_subject_alt_name, list.get(), 0, 0) == 1);
}

void add_extension(X509* cert, int kind, const char* value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, cert, cert, nullptr, nullptr, 0);
    const openssl_ptr<X509_EXTENSION, X509_EXTENSION_free> extension(
        X509V3_EXT_nconf_nid(nullptr, &context, kind, value));
    require(extension && X509_add_ext(cert, extension.get(), -1) == 1);
}

void set_serial_number(X509* cert)
{
    std::array<unsigned char, 16> serial;
    require(RAND_bytes(serial.data(), static_cast<int>(serial.size())) == 1);
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);  // positive, and never shorter
    const openssl_ptr<BIGNUM, BN_free> number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
    require(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert)) != nullptr);
}

void set_names(X509* cert, const std::string& common_name)
{
    X509_NAME* subject = X509_get_subject_name(cert);
    const std::string shown = common_name.substr(0, longest_common_name);
    require(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(shown.data()),
                                       static_cast<int>(shown.size()), -1, 0) == 1);
    require(X509_set_issuer_name(cert, subject) == 1);
}

x509_ptr make_certificate(const std::vector<std::string>& names, std::chrono::seconds valid_for, EVP_PKEY* key)
{
    x509_ptr cert(X509_new());
    require(cert && X509_set_version(cert.get(), X509_VERSION_3) == 1);
    set_serial_number(cert.get());
    require(X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600) != nullptr);
    require(X509_gmtime_adj(X509_getm_notAfter(cert.get()), static_cast<long>(valid_for.count())) != nullptr);
    set_names(cert.get(), names.front());
    require(X509_set_pubkey(cert.get(), key) == 1);
    // Verifiers that are told to trust it take it for its own authority, so it must not deny being one.
    add_extension(cert.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(cert.get(), NID_key_usage, "critical,digitalSignature,keyCertSign");
    add_extension(cert.get(), NID_ext_key_usage, "serverAuth,clientAuth");
    add_extension(cert.get(), NID_subject_key_identifier, "hash");
    add_names(cert.get(), names);
    require(X509_sign(cert.get(), key, EVP_sha256()) != 0);
    return cert;
}

}  // namespace

self_signed_certificate create_self_signed(const std::vector<std::string>& names, std::chrono::hours valid_for)
{
    const internal::error_queue_guard guard;
    check(names);
    const evp_pkey_ptr key(EVP_EC_gen("P-256"));
    require(key != nullptr);
    const x509_ptr cert = make_certificate(names, valid_for, key.get());
    const bio_ptr cert_text(BIO_new(BIO_s_mem()));
    const bio_ptr key_text(BIO_new(BIO_s_mem()));
    require(cert_text && PEM_write_bio_X509(cert_text.get(), cert.get()) == 1);
    require(key_text &&
            PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return {text_of(cert_text), text_of(key_text)};
}

}  // namespace coil::tls
