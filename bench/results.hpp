#pragma once

#include "bench/options.hpp"
#include "bench/processors.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// How long operations took, as a client sees it.
struct latency {
    /// Shares of all operations, of which `at` says how long they took at most.
    static constexpr std::array<double, 9> shares{0, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1};

    /// Nanoseconds.
    std::array<double, shares.size()> at{};

    double median() const noexcept { return at[2]; }
    double p99() const noexcept { return at[5]; }
    double p999() const noexcept { return at[6]; }
};

/// One measurement of one round.
struct sample {
    /// Nanoseconds of server processor time for each operation; for memory bytes for each connection.
    double cost = 0;
    /// Operations per second of wall time; 0 where that says nothing.
    double rate = 0;
    /// None where operations are no round trips.
    std::optional<latency> took;
    /// In a storm: how long the same operations took before it.
    std::optional<latency> took_before;
    /// Share of the two processors' time that other programs of this machine used, and that the hypervisor took.
    double others = 0;
    double stolen = 0;

    bool noisy() const noexcept { return others > 0.10 || stolen > 0.02; }
};

/// One system in one scenario.
struct cell {
    const system* of = nullptr;
    std::vector<sample> samples;
    /// Why there are no more samples; empty if nothing went wrong.
    std::string failure;

    std::optional<double> median() const;
    std::optional<double> minimum() const;
    std::optional<double> rate() const;
    /// Whether most of the samples are.
    bool noisy() const;
};

/// One scenario with all systems.
struct scenario_result {
    const scenario* of = nullptr;
    std::vector<cell> cells;

    /// Medians of the floor's parts together, of the plain servers the cheapest; none if one of them is missing.
    std::optional<double> floor() const;
    /// A system's median in relation to the floor.
    std::optional<double> ratio(const cell& one) const;
};

/// Everything that a run has found out.
struct results {
    run_options options;
    processors where;
    std::vector<scenario_result> scenarios;

    /// Whether everything that was asked for is there.
    bool complete() const;
};

}  // namespace bench
