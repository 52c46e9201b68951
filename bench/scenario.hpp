#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace bench {

enum class scenario_kind { echo, http, handshake, download, upload, memory };

/// One thing that is measured: what clients do, and what counts as one operation.
struct scenario {
    std::string_view name;
    scenario_kind kind;
    unsigned connections;
    /// Bytes of a message or of a transfer.
    std::size_t size;
    /// What the figures are for each of.
    std::string_view operation;
};

/// All of them, in the order of the report.
std::span<const scenario> scenarios() noexcept;
/// Null if there is none of that name.
const scenario* find_scenario(std::string_view name) noexcept;

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
