#include "bench/openssl.hpp"

#include "bench/failure.hpp"

#include <openssl/err.h>

namespace bench {

std::string openssl_reason()
{
    const unsigned long code = ERR_peek_error();
    ERR_clear_error();
    const char* const text = ERR_reason_error_string(code);
    return text ? text : "unknown reason";
}

openssl_ptr<SSL_CTX> make_client_context(const std::string& certificate_file)
{
    openssl_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
        SSL_CTX_load_verify_locations(context.get(), certificate_file.c_str(), nullptr) != 1)
        throw failure("cannot make a client: " + openssl_reason());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    return context;
}

}  // namespace bench
