#pragma once

#include "bench/server.hpp"

#include <span>
#include <string_view>

namespace bench {

enum class system_kind {
    memory_floor,  ///< OpenSSL's work alone, in a process of its own without a socket
    tcp_floor,     ///< the kernel's work alone: a plain server
    server,        ///< a TLS server under test
};

/// One column of the comparison.
struct system {
    std::string_view name;
    std::string_view description;
    system_kind kind;
    /// Runs the server; null for the floor in memory.
    void (*serve)(const server_settings&);
    /// Why it cannot be measured; empty if it can.
    std::string_view missing = {};
};

/// All that can be measured: the floor's parts first.
std::span<const system> systems() noexcept;
/// Null if there is none of that name.
const system* find_system(std::string_view name) noexcept;

}  // namespace bench
