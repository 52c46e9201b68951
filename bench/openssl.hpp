#pragma once

#include "bench/scenario.hpp"

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
    void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    void operator()(X509_EXTENSION* extension) const noexcept { X509_EXTENSION_free(extension); }
};
template <class T>
using openssl_ptr = std::unique_ptr<T, openssl_deleter>;

/// What OpenSSL says about its last failure; empties its queue.
std::string openssl_reason();

/// A client's context that agrees to nothing but what the scenario says, and trusts only the certificate in this file.
openssl_ptr<SSL_CTX> make_client_context(const scenario& of, const std::string& certificate_file);

/// Lets a client that has not begun resume `newest`, if there is one, and puts the newest that it is given in its
/// place. The context is one for resumed sessions.
/// @param newest  outlives the client.
void resume_newest(SSL* client, openssl_ptr<SSL_SESSION>& newest);

/// Checks a client after its handshake. Throws: `failure` if version or cipher are not the scenario's.
void check_agreed(const SSL* client, const scenario& of);

}  // namespace bench
