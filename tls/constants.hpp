#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coil::tls {

/// A version of the protocol. Node: 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'.
enum class protocol_version : std::uint16_t { tlsv1 = 0x0301, tlsv1_1 = 0x0302, tlsv1_2 = 0x0303, tlsv1_3 = 0x0304 };

/// Node's name of a version, "TLSv1.2".
std::string_view to_string(protocol_version version) noexcept;

/// The version with Node's name `text`.
/// Throws: `tls::error` ERR_TLS_INVALID_PROTOCOL_VERSION.
protocol_version parse_protocol_version(std::string_view text);

/// The ciphers in force where a program names none.
/// Node: crypto.constants.defaultCoreCipherList.
inline constexpr std::string_view default_core_cipher_list =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA256:"
    "ECDHE-RSA-AES256-SHA384:DHE-RSA-AES256-SHA384:ECDHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA256:"
    "HIGH:!aNULL:!eNULL:!EXPORT:!DES:!RC4:!MD5:!PSK:!SRP:!CAMELLIA";

inline constexpr std::chrono::milliseconds default_handshake_timeout{120'000};
inline constexpr std::chrono::seconds default_session_timeout{300};
inline constexpr std::size_t max_send_fragment = 16'384;

/// What holds where an option is not given. Read each time a context is created or a peer renegotiates; what exists keeps
/// what it has.
struct settings {
    std::string ciphers{default_core_cipher_list};             ///< Node: tls.DEFAULT_CIPHERS.
    unsigned client_reneg_limit = 3;                           ///< Node: tls.CLIENT_RENEG_LIMIT.
    std::chrono::seconds client_reneg_window{600};             ///< Node: tls.CLIENT_RENEG_WINDOW.
    std::string ecdh_curve = "auto";                           ///< Node: tls.DEFAULT_ECDH_CURVE.
    protocol_version max_version = protocol_version::tlsv1_3;  ///< Node: tls.DEFAULT_MAX_VERSION.
    protocol_version min_version = protocol_version::tlsv1_2;  ///< Node: tls.DEFAULT_MIN_VERSION.
};

/// A copy of the settings of this process. From any thread.
settings defaults();
/// Replaces the settings of this process. From any thread.
void set_defaults(settings values);

/// The built-in root certificates of Mozilla's programme, each one PEM text without a trailing newline.
/// Node: tls.rootCertificates.
std::span<const std::string_view> root_certificates() noexcept;

/// The names of all cipher suites that OpenSSL knows, in lower case, sorted, without duplicates.
/// Node: tls.getCiphers.
std::vector<std::string> get_ciphers();

/// The names of all elliptic curves that OpenSSL knows.
/// Node: crypto.getCurves.
std::vector<std::string> get_curves();

/// Bits for `secure_context_options::secure_options`.
/// Node: crypto.constants.SSL_OP_….
namespace secure_option {
inline constexpr std::uint64_t allow_no_dhe_kex = std::uint64_t{1} << 10;
inline constexpr std::uint64_t no_ticket = std::uint64_t{1} << 14;
inline constexpr std::uint64_t prioritize_chacha = std::uint64_t{1} << 21;
inline constexpr std::uint64_t cipher_server_preference = std::uint64_t{1} << 22;
inline constexpr std::uint64_t no_tlsv1 = std::uint64_t{1} << 26;
inline constexpr std::uint64_t no_tlsv1_2 = std::uint64_t{1} << 27;
inline constexpr std::uint64_t no_tlsv1_1 = std::uint64_t{1} << 28;
inline constexpr std::uint64_t no_tlsv1_3 = std::uint64_t{1} << 29;
inline constexpr std::uint64_t no_renegotiation = std::uint64_t{1} << 30;
}  // namespace secure_option

}  // namespace coil::tls
