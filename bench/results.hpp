#pragma once

#include "bench/options.hpp"
#include "bench/processors.hpp"

#include <optional>
#include <string>
#include <vector>

namespace bench {

/// One measurement of one round.
struct sample {
    /// Nanoseconds of server processor time for each operation; for memory bytes for each connection.
    double cost = 0;
    /// Operations per second of wall time; 0 where that says nothing.
    double rate = 0;
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

    /// Medians of the floor's parts together; none if one of them is missing.
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
