#pragma once

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/question.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace coil::tls::internal {

/// The host name in the server_name extension of the ClientHello at hand; empty if there is none. RFC 6066 §3.
std::string_view requested_name(SSL* ssl) noexcept;

/// The protocols that the ClientHello at hand offers, as they stand on the wire; empty if there are none. RFC 7301 §3.1.
std::string_view offered_protocols(SSL* ssl) noexcept;

/// The names of keys and sessions in the ClientHello at hand, if it allows one to be used. RFC 8446 §4.2.11.
std::vector<std::string_view> offered_identities(SSL* ssl);

std::vector<std::uint16_t> offered_cipher_suites(SSL* ssl);

/// Whether the ClientHello at hand comes to be one of TLS 1.3.
bool negotiates_tls13(SSL* ssl);

/// All that the ClientHello at hand says. What is malformed is left out; OpenSSL finds it too, later.
client_hello read_client_hello(SSL* ssl);

}  // namespace coil::tls::internal
