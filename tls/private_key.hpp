#pragma once

#include <coil/tls/secure_context.hpp>
#include <coil/tls/signature.hpp>

#include <memory>
#include <optional>
#include <string>

namespace coil::tls {

/// A private key that signs what handshakes need signed, elsewhere than on their thread: in a process of its own, say, which
/// answers what a `signer` sends there. Any number of threads may use it at once.
class private_key {
public:
    /// Throws: `tls::error` as `create_secure_context` for a key that cannot be read; ERR_INVALID_ARG_VALUE for several.
    explicit private_key(const pem& key, const std::optional<std::string>& passphrase = std::nullopt);

    /// Blocks: for RSA with 4096 bits some milliseconds.
    /// Throws: `tls::error` for a scheme that does not fit the key.
    signature sign(const signature_request& request) const;

private:
    std::shared_ptr<const void> key_;
};

}  // namespace coil::tls
