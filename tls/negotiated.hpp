#pragma once

#include <coil/tls/certificate.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coil::tls {

namespace internal {
class engine_state;
}

/// The negotiated cipher suite.
/// Node: tlsSocket.getCipher.
struct cipher_info {
    std::string name;           ///< OpenSSL's name, "ECDHE-RSA-AES128-GCM-SHA256".
    std::string standard_name;  ///< IANA's name, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".
    std::string version;        ///< The lowest protocol that has it.
};

/// What a handshake came to: the getters that an `engine` and a `socket` have in common. Of a socket that was destroyed all
/// give none or false.
class negotiated {
public:
    /// Whether the peer's certificate was verified and, on a client, covers the host.   Node: authorized.
    bool authorized() const noexcept;
    /// Why it was not: "CERT_HAS_EXPIRED", …; none if it was, or if no certificate was asked for.
    /// Node: authorizationError.
    std::optional<std::string> authorization_error() const;
    /// The application protocol; none if none was agreed on.   Node: alpnProtocol.   RFC 7301.
    std::optional<std::string_view> alpn_protocol() const noexcept;
    /// The host name that the client sent.   Node: servername.   RFC 6066 §3.
    std::optional<std::string_view> servername() const noexcept;
    /// "TLSv1.3"; "unknown" before the handshake is done; none once the connection has failed or was closed.
    /// Node: getProtocol.
    std::optional<std::string_view> get_protocol() const noexcept;
    /// None before the handshake is done.   Node: getCipher.
    std::optional<cipher_info> get_cipher() const;
    /// The peer's certificate, also a refused one; none if it sent none.   @param detailed  with its issuers.
    /// Node: getPeerCertificate.
    std::optional<certificate> get_peer_certificate(bool detailed = false) const;
    /// This side's certificate.   Node: getCertificate.
    std::optional<certificate> get_certificate() const;
    /// The name of the key that authenticated both sides, also where a session that began with it was resumed; none where
    /// certificates did. Node: has none.
    std::optional<std::string> psk_identity() const;
    /// Node: isSessionReused.
    bool is_session_reused() const noexcept;
    /// The Finished message that was sent; none before.   Node: getFinished.
    std::optional<std::vector<std::byte>> get_finished() const;
    /// The Finished message that was received; none before.   Node: getPeerFinished.
    std::optional<std::vector<std::byte>> get_peer_finished() const;
    /// Key material that both ends can derive and nobody else.
    /// Throws: `tls::error` ERR_TLS_INVALID_STATE before the handshake is done, ERR_OUT_OF_RANGE for a length of 0.
    /// Node: exportKeyingMaterial.   RFC 5705, RFC 8446 §7.5.
    std::vector<std::byte>
    export_keying_material(std::size_t length, std::string_view label,
                           std::optional<std::span<const std::byte>> context = std::nullopt) const;

protected:
    negotiated() noexcept = default;
    negotiated(const negotiated&) noexcept = default;
    negotiated& operator=(const negotiated&) noexcept = default;
    ~negotiated() = default;

private:
    /// Null where there is nothing to tell any more.
    virtual const internal::engine_state* observed() const noexcept = 0;
};

}  // namespace coil::tls
