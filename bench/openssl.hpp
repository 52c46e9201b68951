#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace bench {

struct openssl_deleter {
    void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    void operator()(X509_EXTENSION* extension) const noexcept { X509_EXTENSION_free(extension); }
};
template <class T>
using openssl_ptr = std::unique_ptr<T, openssl_deleter>;

/// What OpenSSL says about its last failure; empties its queue.
std::string openssl_reason();

/// A client's context: TLS 1.3, and only the certificate in this file is trusted.
openssl_ptr<SSL_CTX> make_client_context(const std::string& certificate_file);

}  // namespace bench
