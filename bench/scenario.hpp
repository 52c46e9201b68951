#pragma once

#include "bench/protocol.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace bench {

enum class scenario_kind {
    echo,       ///< messages there and back
    http,       ///< requests and answers
    handshake,  ///< connect, shake hands, end in order; again and again
    churn,      ///< the same with one echo in between
    reset,      ///< the same with one echo, and a reset for an end
    download,   ///< bytes from the server
    upload,     ///< bytes to the server
    memory,     ///< connections that are open and idle
    storm,      ///< echoes at a fixed rate, while others connect as fast as they can
};

enum class tls_version { tls12, tls13 };
enum class key_type { ecdsa_p256, rsa_2048 };
enum class cipher { aes_128_gcm, aes_256_gcm };

/// One thing that is measured: what clients do, and what counts as one operation.
struct scenario {
    std::string_view name;
    scenario_kind kind;
    unsigned connections;
    /// Bytes of a message or of a transfer; 0: there is none.
    std::size_t size;
    /// What the figures are for each of.
    std::string_view operation;
    /// The only ones that the clients agree to.
    tls_version version = tls_version::tls13;
    bench::cipher cipher = bench::cipher::aes_256_gcm;
    /// Of the server's certificate.
    key_type key = key_type::ecdsa_p256;
    /// Whether all handshakes but a client's first resume its newest session.
    bool resumed = false;
    /// Whether it belongs to a quick run.
    bool quick = false;

    bool transfers() const noexcept { return kind == scenario_kind::download || kind == scenario_kind::upload; }
    /// Whether its operations are requests with an answer, so that they take a client some time and can have a rate.
    bool has_round_trips() const noexcept { return !transfers() && kind != scenario_kind::memory; }
};

/// The protocol that is needed for it; none: any in which a message is answered will do.
std::optional<protocol> protocol_needed(scenario_kind kind) noexcept;

/// All of them, in the order of the report.
std::span<const scenario> scenarios() noexcept;
/// Null if there is none of that name.
const scenario* find_scenario(std::string_view name) noexcept;
/// The same with another number of connections. It stays until the program ends, as those above do.
const scenario& with_connections(const scenario& of, unsigned connections);

/// Bytes of a write in a transfer.
inline constexpr std::size_t write_size = 16 * 1024;
inline constexpr double mebibyte = 1024.0 * 1024.0;

/// What is transferred and echoed. Each write of a transfer holds the first `write_size` bytes; they are here twice, so that
/// a part that reaches over the end of a write is found too.
std::span<const std::byte> pattern() noexcept;

inline constexpr std::string_view http_request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
inline constexpr std::string_view http_content = "Hello, world!";
inline constexpr std::string_view http_answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!";

}  // namespace bench
