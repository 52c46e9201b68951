#pragma once

#include <coil/runtime/handler.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace coil::tls {

struct certificate;

/// How a signature is made: kind of key, padding and digest. Numbers and names are IANA's, but for the first.
/// RFC 8446 §4.2.3.
enum class signature_scheme : std::uint16_t {
    rsa_pkcs1_md5_sha1 = 0,  ///< Both digests, one behind the other; before TLS 1.2.
    rsa_pkcs1_sha1 = 0x0201,
    ecdsa_sha1 = 0x0203,
    rsa_pkcs1_sha224 = 0x0301,
    ecdsa_sha224 = 0x0303,
    rsa_pkcs1_sha256 = 0x0401,
    ecdsa_sha256 = 0x0403,
    rsa_pkcs1_sha384 = 0x0501,
    ecdsa_sha384 = 0x0503,
    rsa_pkcs1_sha512 = 0x0601,
    ecdsa_sha512 = 0x0603,
    rsa_pss_rsae_sha256 = 0x0804,  ///< The salt is as long as the digest; so it is in all that follow.
    rsa_pss_rsae_sha384 = 0x0805,
    rsa_pss_rsae_sha512 = 0x0806,
    ed25519 = 0x0807,
    ed448 = 0x0808,
    rsa_pss_pss_sha256 = 0x0809,
    rsa_pss_pss_sha384 = 0x080a,
    rsa_pss_pss_sha512 = 0x080b,
};

struct signature_request;

/// A signature: as long as the key for RSA, DER for ECDSA.
struct signature {
    signature(std::vector<std::byte> made) : bytes(std::move(made)) {}

    std::vector<std::byte> bytes;
};

/// Signs with a private key that is elsewhere: in another process, in a device, or with another thread. A context that has one
/// may serve connections on several threads, and so may it.
///
/// What it gives is checked before it is sent, so that a faulty device neither breaks a protocol nor tells a key.
/// Node: has none; privateKeyEngine.
using signer = handler<signature(signature_request)>;

/// A handshake needs a signature.
struct signature_request {
    /// Whose key signs.
    std::shared_ptr<const certificate> cert = {};
    /// What is signed. Of schemes with a digest, that is made of this first; see `digest()`.
    std::vector<std::byte> message = {};
    signature_scheme scheme = {};
    /// Whom the context names for that.
    tls::signer signer = {};

    /// For what wants digests: that of the message. Of Ed25519 and Ed448, which have none, the message.
    std::vector<std::byte> digest() const;
};

}  // namespace coil::tls
