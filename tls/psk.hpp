#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coil::tls {

/// With which suites of TLS 1.3 a key may be used: those of one hash. Before, a key goes with every suite that has PSK in its
/// name.
enum class psk_hash {
    sha256,  ///< TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256; what Node's keys are for.
    sha384,  ///< TLS_AES_256_GCM_SHA384
};

/// A key that both sides have before they meet, 1 … 512 bytes. It has to be random: whoever sees a handshake can try passwords
/// on it at leisure.
/// RFC 4279, RFC 8446 §4.2.11, RFC 9257.
struct psk_key {
    psk_key(std::vector<std::byte> key, psk_hash goes_with = psk_hash::sha256) : psk(std::move(key)), hash(goes_with) {}

    std::vector<std::byte> psk;
    psk_hash hash;
};

/// Which key a client proposes, and the name by which the server knows it.
/// Node: what a client's pskCallback returns.
struct psk_identity {
    psk_hash hash = psk_hash::sha256;
    /// UTF-8, 1 … 256 bytes, no NUL; it is sent in clear.
    std::string identity = {};
    /// 1 … 512 bytes.
    std::vector<std::byte> psk = {};
};

/// A client has to say which key it proposes. In TLS 1.3 that is asked before anything is sent, and without a hint; where a
/// server then turns out to have an older version only, it is asked once more.
struct psk_request {
    /// What the server says to help choose; before TLS 1.3 only.
    std::optional<std::string> hint;
};

/// A server has to say which key it knows by the name that a client sends. At most 8 names of one ClientHello are asked
/// about.
struct psk_identity_request {
    std::string identity;    ///< UTF-8; what is none is not asked about.
    std::string servername;  ///< Empty where the client named none.
};

/// A new random key. As an answer to names that nobody has: it makes a handshake fail as a wrong key does, so that nobody can
/// find out which names there are.
std::vector<std::byte> random_psk(std::size_t size = 32);

}  // namespace coil::tls
