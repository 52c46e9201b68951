#include "bench/credentials.hpp"

#include "bench/failure.hpp"
#include "bench/openssl.hpp"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <string>
#include <system_error>

#include <stdlib.h>

namespace bench {
namespace {

void check(bool succeeded)
{
    if (!succeeded)
        throw failure("cannot make a certificate: " + openssl_reason());
}

openssl_ptr<X509> self_signed(EVP_PKEY* key)
{
    openssl_ptr<X509> certificate(X509_new());
    check(certificate != nullptr);
    X509* const made = certificate.get();
    X509_NAME* const name = X509_get_subject_name(made);
    check(X509_set_version(made, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(made), 1) == 1 &&
          X509_gmtime_adj(X509_getm_notBefore(made), -3600) && X509_gmtime_adj(X509_getm_notAfter(made), 7 * 86400) &&
          X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1,
                                     -1, 0) == 1 &&
          X509_set_issuer_name(made, name) == 1 && X509_set_pubkey(made, key) == 1);
    openssl_ptr<X509_EXTENSION> names(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"));
    check(names && X509_add_ext(made, names.get(), -1) == 1 && X509_sign(made, key, EVP_sha256()) != 0);
    return certificate;
}

openssl_ptr<BIO> create(const std::filesystem::path& path)
{
    openssl_ptr<BIO> file(BIO_new_file(path.c_str(), "w"));
    check(file != nullptr);
    return file;
}

}  // namespace

credentials::credentials(key_type type)
{
    std::string folder = (std::filesystem::temp_directory_path() / "bench-XXXXXX").string();
    if (!mkdtemp(folder.data()))
        throw system_failure("cannot make a folder " + folder);
    folder_ = folder;
    certificate_ = folder_ / "certificate.pem";
    key_ = folder_ / "key.pem";
    openssl_ptr<EVP_PKEY> key(type == key_type::rsa_2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
    check(key != nullptr);
    const openssl_ptr<X509> certificate = self_signed(key.get());
    check(PEM_write_bio_X509(create(certificate_).get(), certificate.get()) == 1);
    check(PEM_write_bio_PrivateKey(create(key_).get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
}

credentials::~credentials()
{
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

}  // namespace bench
