#pragma once

#include "bench/scenario.hpp"

#include <span>
#include <string_view>

namespace bench::lockstep {

/// What the clients do, again and again, while a server is measured: a scenario of the benchmark, and how it goes in turns.
struct workload {
    bench::scenario scenario;
    /// Connections that do their part at the same time: the others rest meanwhile, as under a load that others share.
    unsigned together;
    /// How often each connection does its part in a round.
    unsigned cycles;

    std::string_view name() const noexcept { return scenario.name; }
    /// Whether each part is a connection from its beginning to its end.
    bool reconnects() const noexcept;
    /// Operations when each connection has done its part once.
    double operations() const noexcept;
};

/// All scenarios that can be had in turns, in the order of the report. Storms are not among them, since they are about the
/// load that others make meanwhile, nor is memory, which takes no time.
std::span<const workload> workloads() noexcept;
/// Null if there is none of that name.
const workload* find_workload(std::string_view name) noexcept;

}  // namespace bench::lockstep
