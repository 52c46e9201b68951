#pragma once

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/negotiated.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coil::tls::internal {

/// What a handshake came to. Filled when it ends; from then on getters look here, and nobody but this file asks OpenSSL's
/// object for more than data.
class handshake_summary {
public:
    /// Throws: `std::bad_alloc`.
    void fill(SSL* ssl);

    std::string_view protocol() const noexcept { return protocol_; }
    std::optional<cipher_info> cipher() const;
    std::string_view alpn_protocol() const noexcept { return alpn_protocol_; }
    /// Of the key that authenticated both sides; null where certificates did.
    const std::string* psk_identity() const noexcept { return psk_identity_.get(); }
    bool session_reused() const noexcept { return session_reused_; }
    /// Null where there is none.
    X509* own_certificate() const noexcept { return own_.get(); }
    X509* peer_certificate() const noexcept { return peer_.get(); }
    STACK_OF(X509) * peer_chain() const noexcept { return peer_chain_.get(); }

    /// The Finished message that this side sent, or the peer; none where it was not sent yet.
    /// @{
    static std::optional<std::vector<std::byte>> finished(const SSL* ssl);
    static std::optional<std::vector<std::byte>> peer_finished(const SSL* ssl);
    /// @}
    /// RFC 5705, RFC 8446 §7.5. Throws: `tls::error`.
    static std::vector<std::byte> export_keying_material(SSL* ssl, std::size_t length, std::string_view label,
                                                         std::optional<std::span<const std::byte>> context);

private:
    const char* protocol_ = "unknown";
    const SSL_CIPHER* cipher_ = nullptr;
    std::string alpn_protocol_;
    x509_ptr own_;
    x509_ptr peer_;
    x509_chain_ptr peer_chain_;
    std::unique_ptr<const std::string> psk_identity_;
    bool session_reused_ = false;
};

}  // namespace coil::tls::internal
