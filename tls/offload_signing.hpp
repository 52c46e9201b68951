#pragma once

#include <coil/tls/secure_context.hpp>
#include <coil/tls/signature.hpp>

#include <optional>
#include <string>

namespace coil::tls {

/// Signs with this key on the threads for blocking calls, so that the signatures of some handshakes, 4096 bits of RSA say, do
/// not hold up the other connections of their loop. Each costs some 20 µs more that way.
/// ```
/// .secure_context = {{.cert = tls::file("cert.pem"), .key = {{.signer = tls::offload_signing(tls::file("key.pem"))}}}}
/// ```
/// Throws: as `private_key`.
signer offload_signing(const pem& key, const std::optional<std::string>& passphrase = std::nullopt);

}  // namespace coil::tls
