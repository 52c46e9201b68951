#include "bench/scenario.hpp"

#include <algorithm>
#include <array>
#include <deque>

namespace bench {

namespace {

using enum scenario_kind;
using enum tls_version;
using enum key_type;
using enum cipher;

/// Of one connection and of each of many. Long enough that beginnings and ends do not count, and short enough that a
/// measurement, which ends between transfers, does not take much longer than it should.
constexpr std::size_t transfer = 16 * 1024 * 1024;
constexpr std::size_t one_of_many = 4 * 1024 * 1024;
constexpr std::string_view handshakes = "handshake";

constexpr std::array<scenario, 24> all = {{
    {.name = "echo-64-1", .kind = echo, .connections = 1, .size = 64, .operation = "echo", .quick = true},
    {.name = "echo-64-32", .kind = echo, .connections = 32, .size = 64, .operation = "echo", .quick = true},
    {.name = "echo-64-512", .kind = echo, .connections = 512, .size = 64, .operation = "echo", .quick = true},
    {.name = "echo-4096-32", .kind = echo, .connections = 32, .size = 4096, .operation = "echo"},
    {.name = "http-32",
     .kind = http,
     .connections = 32,
     .size = http_answer.size(),
     .operation = "request",
     .quick = true},
    {.name = "handshake-13-ecdsa", .kind = handshake, .connections = 8, .operation = handshakes, .quick = true},
    {.name = "handshake-13-rsa", .kind = handshake, .connections = 8, .operation = handshakes, .key = rsa_2048},
    {.name = "handshake-12-ecdsa", .kind = handshake, .connections = 8, .operation = handshakes, .version = tls12},
    {.name = "handshake-12-rsa",
     .kind = handshake,
     .connections = 8,
     .operation = handshakes,
     .version = tls12,
     .key = rsa_2048},
    {.name = "resume-13", .kind = handshake, .connections = 8, .operation = handshakes, .resumed = true},
    {.name = "resume-12",
     .kind = handshake,
     .connections = 8,
     .operation = handshakes,
     .version = tls12,
     .resumed = true},
    {.name = "churn", .kind = churn, .connections = 8, .size = 64, .operation = "connection"},
    {.name = "reset", .kind = reset, .connections = 8, .size = 64, .operation = "connection"},
    {.name = "download-128-1",
     .kind = download,
     .connections = 1,
     .size = transfer,
     .operation = "MiB",
     .cipher = aes_128_gcm},
    {.name = "download-128-32",
     .kind = download,
     .connections = 32,
     .size = one_of_many,
     .operation = "MiB",
     .cipher = aes_128_gcm},
    {.name = "download-256-1", .kind = download, .connections = 1, .size = transfer, .operation = "MiB", .quick = true},
    {.name = "download-256-32", .kind = download, .connections = 32, .size = one_of_many, .operation = "MiB"},
    {.name = "upload-128-1",
     .kind = upload,
     .connections = 1,
     .size = transfer,
     .operation = "MiB",
     .cipher = aes_128_gcm},
    {.name = "upload-128-32",
     .kind = upload,
     .connections = 32,
     .size = one_of_many,
     .operation = "MiB",
     .cipher = aes_128_gcm},
    {.name = "upload-256-1", .kind = upload, .connections = 1, .size = transfer, .operation = "MiB", .quick = true},
    {.name = "upload-256-32", .kind = upload, .connections = 32, .size = one_of_many, .operation = "MiB"},
    {.name = "storm", .kind = storm, .connections = 100, .size = 64, .operation = "reconnect"},
    {.name = "memory-handshake", .kind = memory, .connections = 10'000, .operation = "connection"},
    {.name = "memory-echo",
     .kind = memory,
     .connections = 10'000,
     .size = 64,
     .operation = "connection",
     .quick = true},
}};

}  // namespace

std::optional<protocol> protocol_needed(scenario_kind kind) noexcept
{
    switch (kind) {
    case echo:
    case storm: return protocol::echo;
    case download: return protocol::download;
    case upload: return protocol::upload;
    case http: return protocol::http;
    default: return std::nullopt;
    }
}

std::span<const scenario> scenarios() noexcept
{
    return all;
}

const scenario* find_scenario(std::string_view name) noexcept
{
    const auto found = std::ranges::find(all, name, &scenario::name);
    return found == all.end() ? nullptr : &*found;
}

const scenario& with_connections(const scenario& of, unsigned connections)
{
    static std::deque<scenario> made;
    made.push_back(of);
    made.back().connections = connections;
    return made.back();
}

std::span<const std::byte> pattern() noexcept
{
    static const auto bytes = [] {
        std::array<std::byte, 2 * write_size> made;
        for (std::size_t i = 0; i < made.size(); ++i)
            made[i] = static_cast<std::byte>(i % write_size % 251);
        return made;
    }();
    return bytes;
}

}  // namespace bench
