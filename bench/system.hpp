#pragma once

#include "bench/protocol.hpp"
#include "bench/scenario.hpp"
#include "bench/server.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

enum class system_kind {
    memory_floor,  ///< OpenSSL's work alone, in a process of its own without a socket
    tcp_floor,     ///< the kernel's work alone: a plain server, of which the cheapest counts
    server,        ///< a TLS server under test
};

/// One column of the comparison.
struct system {
    std::string name;
    std::string description;
    system_kind kind = system_kind::server;
    protocol_set speaks = protocol_set::all();
    /// Runs the server in this process; null for the floor in memory and for servers that are programs of their own.
    void (*serve)(const server_settings&) = nullptr;
    /// The program that is the server, and its arguments; null for the others.
    std::function<std::vector<std::string>(const server_settings&)> command = nullptr;
    /// What is to be done once before all measurements; may be null. It is told of progress in short lines.
    /// Throws: `failure` with the reason why this system cannot be had.
    std::function<void(system&, const std::function<void(const std::string&)>&)> prepare = nullptr;
    /// Why it cannot be measured; empty if it can.
    std::string missing;
};

/// Those that are part of this program: the floor's parts first.
std::span<const system> systems();
/// Null if there is none of that name.
const system* find_system(std::string_view name);

/// Prepares it; `missing` says afterwards if that failed.
void prepare(system& one, const std::function<void(const std::string&)>& tell);

/// By which protocol a scenario is measured with this system: its own, or, if any will do, the first that is spoken.
/// None if the system speaks nothing that fits; the floor in memory has no protocols, but fits all.
std::optional<protocol> protocol_of(scenario_kind kind, const system& of);

}  // namespace bench
