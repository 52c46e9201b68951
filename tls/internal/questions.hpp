#pragma once

#include <coil/tls/internal/openssl.hpp>

namespace coil::tls::internal {

/// Sets the callbacks through which OpenSSL asks about a handshake: server name, application protocol, verification.
///
/// Callbacks come from the context that a connection uses at the moment, so every context has the same ones; each finds
/// its connection through the `SSL` object. None lets an exception pass through OpenSSL's frames.
void install_questions(SSL_CTX* context);

}  // namespace coil::tls::internal
