#pragma once

#include <coil/tls/internal/openssl.hpp>

namespace coil::tls::internal {

/// Which certificate a client has for a server that asks for one.
class client_certificate_choice {
public:
    /// Has OpenSSL ask, on a client's connection.
    static void install(SSL* ssl) noexcept;

private:
    static int on_request(SSL* ssl, void* argument) noexcept;
};

}  // namespace coil::tls::internal
