#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace bench::lockstep {

enum class workload_kind { echo, handshake, download, upload };

/// What the clients do, again and again, while a server is measured.
struct workload {
    std::string_view name;
    workload_kind kind;
    unsigned connections;
    /// Connections that do their part at the same time: the others rest meanwhile, as under a load that others share.
    unsigned together;
    /// Bytes of a message or of a transfer.
    std::size_t size;
    /// What the figures are for each of.
    std::string_view operation;
    /// How often each connection does its part in a round.
    unsigned cycles;

    /// Operations when each connection has done its part once.
    double operations() const noexcept;
};

/// All of them, in the order of the report.
std::span<const workload> workloads() noexcept;
/// Null if there is none of that name.
const workload* find_workload(std::string_view name) noexcept;

}  // namespace bench::lockstep
