#pragma once

#include <coil/tls/internal/openssl.hpp>

#include <string>

namespace coil::tls::internal {

class engine_state;

/// What a server decides when a ClientHello has come: the context, for the name that the client asks for.
///
/// Decided once for a connection. A second ClientHello after a HelloRetryRequest, or one that renegotiates, changes nothing.
class server_name_choice {
public:
    static void install(SSL_CTX* context) noexcept;

    /// What the client sent; empty if nothing.
    const std::string& name() const noexcept { return name_; }
    /// Whether all is decided, so that OpenSSL may have chosen a certificate.
    bool decided() const noexcept { return decided_; }

private:
    static int on_client_hello(SSL* ssl, int* alert, void* argument) noexcept;
    static int on_servername(SSL* ssl, int* alert, void* argument) noexcept;
    bool decide(engine_state& engine);

    std::string name_;
    bool seen_ = false;
    bool decided_ = false;
    bool used_ = false;  // the client is told that its name was
};

}  // namespace coil::tls::internal
