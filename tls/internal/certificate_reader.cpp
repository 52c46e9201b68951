#include <coil/tls/internal/certificate_reader.hpp>

#include <coil/tls/internal/general_name.hpp>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace coil::tls::internal {
namespace {

using bignum_ptr = openssl_ptr<BIGNUM, BN_free>;

struct openssl_text_free {
    void operator()(char* text) const noexcept { OPENSSL_free(text); }
};
using openssl_text = std::unique_ptr<char, openssl_text_free>;

std::string object_text(const ASN1_OBJECT* object)
{
    std::array<char, 256> text{};
    OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
    return text.data();
}

std::optional<std::string> read_alternative_names(X509* from)
{
    const general_names_ptr names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(from, NID_subject_alt_name, nullptr, nullptr)));
    if (!names)
        return std::nullopt;
    std::string text;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const std::optional<general_name> name = describe(*sk_GENERAL_NAME_value(names.get(), i));
        if (!name)
            return std::nullopt;
        text += (i ? ", " : "") + name->text;
    }
    return text;
}

void read_info_access(X509* from, certificate& into)
{
    const openssl_ptr<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free> accesses(
        static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(from, NID_info_access, nullptr, nullptr)));
    if (!accesses)
        return;
    auto& map = into.info_access.emplace();
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(accesses.get()); ++i) {
        const ACCESS_DESCRIPTION* access = sk_ACCESS_DESCRIPTION_value(accesses.get(), i);
        const std::optional<general_name> location = describe(*access->location);
        if (!location)
            continue;
        std::array<char, 256> method{};
        i2t_ASN1_OBJECT(method.data(), static_cast<int>(method.size()), access->method);
        const std::string key = std::string(method.data()) + " - " + location->kind;
        auto found = map.begin();
        while (found != map.end() && found->first != key)
            ++found;
        if (found == map.end())
            found = map.insert(found, {key, {}});
        found->second.push_back(location->value);
    }
}

void read_key_usage(X509* from, certificate& into)
{
    const openssl_ptr<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free> usages(
        static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(from, NID_ext_key_usage, nullptr, nullptr)));
    if (!usages)
        return;
    auto& list = into.ext_key_usage.emplace();
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i)
        list.push_back(object_text(sk_ASN1_OBJECT_value(usages.get(), i)));
}

std::string time_text(const ASN1_TIME* time)
{
    const bio_ptr out(BIO_new(BIO_s_mem()));
    if (!out)
        throw std::bad_alloc();
    ASN1_TIME_print(out.get(), time);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string serial_text(X509* from)
{
    const bignum_ptr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(from), nullptr));
    const openssl_text text(number ? BN_bn2hex(number.get()) : nullptr);
    return text ? text.get() : std::string();
}

std::string fingerprint(X509* from, const EVP_MD* digest)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    if (X509_digest(from, digest, bytes.data(), &size) != 1)
        return {};
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        if (i)
            text += ':';
        text += hex[bytes[i] >> 4];
        text += hex[bytes[i] & 15];
    }
    return text;
}

template <auto Encode, class T>
std::vector<std::byte> der(T* object)
{
    const int size = Encode(object, nullptr);
    std::vector<std::byte> bytes(size > 0 ? static_cast<std::size_t>(size) : 0);
    auto* at = reinterpret_cast<unsigned char*>(bytes.data());
    if (size > 0)
        Encode(object, &at);
    return bytes;
}

bignum_ptr key_number(const EVP_PKEY* key, const char* name)
{
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    return bignum_ptr(number);
}

void read_rsa_key(EVP_PKEY* key, certificate& into)
{
    const bignum_ptr modulus = key_number(key, OSSL_PKEY_PARAM_RSA_N);
    const bignum_ptr exponent = key_number(key, OSSL_PKEY_PARAM_RSA_E);
    if (!modulus || !exponent)
        return;
    into.bits = BN_num_bits(modulus.get());
    const openssl_text text(BN_bn2hex(modulus.get()));
    into.modulus = text.get();
    std::array<char, 32> hex{};
    std::snprintf(hex.data(), hex.size(), "0x%llx", static_cast<unsigned long long>(BN_get_word(exponent.get())));
    into.exponent = hex.data();
    into.pubkey = der<i2d_PUBKEY>(key);
}

void read_ec_key(EVP_PKEY* key, certificate& into)
{
    std::size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0, &size) == 1) {
        auto& point = into.pubkey.emplace(size);
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, reinterpret_cast<unsigned char*>(point.data()),
                                        point.size(), &size);
        point.resize(size);
    }
    into.bits = EVP_PKEY_get_bits(key);
    std::array<char, 80> curve{};
    if (EVP_PKEY_get_group_name(key, curve.data(), curve.size(), &size) != 1)
        return;
    into.asn1_curve = curve.data();
    if (const char* nist = EC_curve_nid2nist(OBJ_sn2nid(curve.data())))
        into.nist_curve = nist;
}

/// The issuer of `subject` in `store`; null if it is not there.
x509_ptr find_in_store(X509* subject, X509_STORE* store)
{
    const x509_store_ctx_ptr search(X509_STORE_CTX_new());
    X509* issuer = nullptr;
    if (!search || X509_STORE_CTX_init(search.get(), store, nullptr, nullptr) != 1 ||
        X509_STORE_CTX_get1_issuer(&issuer, search.get(), subject) != 1)
        return nullptr;
    return x509_ptr(issuer);
}

bool is_self_issued(X509* from)
{
    return X509_NAME_cmp(X509_get_subject_name(from), X509_get_issuer_name(from)) == 0;
}

}  // namespace

std::optional<distinguished_name> read_name(const X509_NAME* name)
{
    std::vector<distinguished_name::entry> entries;
    for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
        const ASN1_OBJECT* type = X509_NAME_ENTRY_get_object(entry);
        const int nid = OBJ_obj2nid(type);
        unsigned char* utf8 = nullptr;
        const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
        if (size < 0)
            return std::nullopt;
        const openssl_text value(reinterpret_cast<char*>(utf8));
        entries.emplace_back(nid == NID_undef ? object_text(type) : OBJ_nid2sn(nid),
                             std::string(value.get(), static_cast<std::size_t>(size)));
    }
    return distinguished_name(std::move(entries));
}

x509_ptr find_issuer(X509* subject, STACK_OF(X509) * received, X509_STORE* store)
{
    if (is_self_issued(subject))
        return nullptr;
    for (int i = 0; i < sk_X509_num(received); ++i) {
        X509* candidate = sk_X509_value(received, i);
        if (candidate != subject && X509_check_issued(candidate, subject) == X509_V_OK) {
            X509_up_ref(candidate);
            return x509_ptr(candidate);
        }
    }
    return store ? find_in_store(subject, store) : nullptr;
}

certificate read_names(X509* from)
{
    const error_queue_guard guard;
    certificate into;
    into.subject = read_name(X509_get_subject_name(from));
    into.subjectaltname = read_alternative_names(from);
    return into;
}

certificate read_certificate(X509* from)
{
    const error_queue_guard guard;
    certificate into = read_names(from);
    into.issuer = read_name(X509_get_issuer_name(from));
    into.self_issued = is_self_issued(from);
    into.ca = X509_check_ca(from) == 1;
    read_info_access(from, into);
    read_key_usage(from, into);
    into.valid_from = time_text(X509_get0_notBefore(from));
    into.valid_to = time_text(X509_get0_notAfter(from));
    into.serial_number = serial_text(from);
    into.fingerprint = fingerprint(from, EVP_sha1());
    into.fingerprint256 = fingerprint(from, EVP_sha256());
    into.fingerprint512 = fingerprint(from, EVP_sha512());
    into.raw = der<i2d_X509>(from);
    if (EVP_PKEY* key = X509_get0_pubkey(from)) {
        if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
            read_rsa_key(key, into);
        else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
            read_ec_key(key, into);
    }
    return into;
}

certificate read_certificate_chain(X509* leaf, STACK_OF(X509) * received, X509_STORE* store)
{
    const error_queue_guard guard;
    // A store may answer with a certificate that is already there, so the length is bounded.
    constexpr std::size_t longest = 32;
    X509_up_ref(leaf);
    std::vector<x509_ptr> chain;
    chain.emplace_back(leaf);
    while (chain.size() < longest && !is_self_issued(chain.back().get())) {
        x509_ptr issuer = find_issuer(chain.back().get(), received, store);
        if (!issuer || X509_cmp(issuer.get(), chain.back().get()) == 0)
            break;
        chain.push_back(std::move(issuer));
    }
    std::shared_ptr<const certificate> issuer;
    for (std::size_t i = chain.size() - 1; i > 0; --i) {
        certificate next = read_certificate(chain[i].get());
        next.issuer_certificate = std::move(issuer);
        issuer = std::make_shared<const certificate>(std::move(next));
    }
    certificate result = read_certificate(leaf);
    result.issuer_certificate = std::move(issuer);
    return result;
}

}  // namespace coil::tls::internal
