#pragma once

#include <coil/tls/certificate.hpp>
#include <coil/tls/secure_context.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace coil::tls {

/// A server asks a client for a certificate.
/// RFC 8446 §4.3.2, RFC 5246 §7.4.4.
struct client_certificate_request {
    /// Whom the server trusts to issue it, in its order; none: it does not say.
    std::vector<distinguished_name> authorities;
    /// What it may be used with, in falling preference; numbers of IANA's registry.
    std::vector<std::uint16_t> signature_algorithms;
};

/// Which certificates and keys a client has for a server that asks: those of a context, or none, for which the connection's
/// own context counts.
struct client_certificate {
    explicit client_certificate(tls::secure_context context) : key_cert(std::move(context)) {}

    secure_context key_cert;
};

}  // namespace coil::tls
