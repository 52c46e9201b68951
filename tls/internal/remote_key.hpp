#pragma once

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/signature.hpp>

#include <memory>

namespace coil::tls::internal {

/// Who signs in place of a key that is elsewhere.
struct remote_signer {
    tls::signer signer;
    std::shared_ptr<const certificate> cert;  ///< Whose key it is.
};

/// A key that OpenSSL takes for the private key of `cert`, and that signs by asking the connection at work; outside of a
/// connection, or for anything else than a signature, it fails.
/// Throws: `tls::error` for a kind of key that signs nothing in TLS.
evp_pkey_ptr make_remote_key(X509* cert, const tls::signer& signer);

}  // namespace coil::tls::internal
