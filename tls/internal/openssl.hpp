#pragma once

#include <coil/tls/error.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coil::tls::internal {

template <auto Free>
struct openssl_free {
    template <class T>
    void operator()(T* object) const noexcept
    {
        Free(object);
    }
};

template <class T, auto Free>
using openssl_ptr = std::unique_ptr<T, openssl_free<Free>>;

using ssl_ptr = openssl_ptr<SSL, SSL_free>;
using ssl_ctx_ptr = openssl_ptr<SSL_CTX, SSL_CTX_free>;
using ssl_session_ptr = openssl_ptr<SSL_SESSION, SSL_SESSION_free>;
using bio_ptr = openssl_ptr<BIO, BIO_free_all>;
using x509_ptr = openssl_ptr<X509, X509_free>;
using x509_crl_ptr = openssl_ptr<X509_CRL, X509_CRL_free>;
inline void free_x509_chain(STACK_OF(X509) * chain) noexcept
{
    sk_X509_pop_free(chain, X509_free);
}
using x509_chain_ptr = openssl_ptr<STACK_OF(X509), free_x509_chain>;
using x509_store_ptr = openssl_ptr<X509_STORE, X509_STORE_free>;
using x509_store_ctx_ptr = openssl_ptr<X509_STORE_CTX, X509_STORE_CTX_free>;
using evp_pkey_ptr = openssl_ptr<EVP_PKEY, EVP_PKEY_free>;
using general_names_ptr = openssl_ptr<GENERAL_NAMES, GENERAL_NAMES_free>;

/// Clears OpenSSL's error queue of this thread when a piece of work begins and when it ends, so that the failure of one
/// connection never shows up on another.
class error_queue_guard {
public:
    error_queue_guard() noexcept { ERR_clear_error(); }
    ~error_queue_guard() { ERR_clear_error(); }
    error_queue_guard(const error_queue_guard&) = delete;
    error_queue_guard& operator=(const error_queue_guard&) = delete;
};

/// Takes all entries out of OpenSSL's error queue, oldest first. Their codes follow the rule for set-up failures.
std::vector<openssl_error> take_error_stack();

/// Node's code for an error of OpenSSL in a connection: "ERR_SSL_" and the reason.
std::string protocol_error_code(unsigned long packed);
/// Node's code for an error of OpenSSL during set-up: "ERR_OSSL_", the library and the reason.
std::string setup_error_code(unsigned long packed);

/// The error of a failed set-up step, made from OpenSSL's queue.
/// @param subject        what was being set up, for the message: "key: server.pem".
/// @param fallback_code  the code if OpenSSL said nothing.
tls::error setup_error(std::string_view subject, std::string_view fallback_code = "ERR_CRYPTO_OPERATION_FAILED");

/// A set-up error with a code of Node's own.
tls::error argument_error(std::string_view code, std::string_view message);

/// A BIO that reads `text` in place.
bio_ptr read_only_bio(std::string_view text);

/// Passphrase callback for OpenSSL's PEM functions that never prompts; `user_data` is a `const std::string*` or null.
int passphrase_callback(char* buffer, int size, int writing, void* user_data) noexcept;

}  // namespace coil::tls::internal
