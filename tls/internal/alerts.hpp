#pragma once

#include <coil/tls/error.hpp>
#include <coil/tls/internal/openssl.hpp>

#include <cstdint>
#include <optional>

namespace coil::tls::internal {

/// The fatal alert of a connection, and which way it went. RFC 8446 §6.2.
struct alerts {
    std::optional<std::uint8_t> fatal;
    alert_direction direction = alert_direction::none;

    /// OpenSSL tells of alerts, and of handshakes that are done.
    static void install(SSL_CTX* context) noexcept;
};

}  // namespace coil::tls::internal
