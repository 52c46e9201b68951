#pragma once

#include "bench/results.hpp"

#include <chrono>

namespace bench {

/// One measurement of one round.
struct run_step {
    const scenario_result* row = nullptr;
    const cell* of = nullptr;
    unsigned round = 0;
    unsigned rounds = 0;
    /// How long it will take if nothing unusual happens.
    std::chrono::nanoseconds expected{};
};

/// Is told how a run goes on, in its thread and between measurements.
class run_watcher {
public:
    virtual ~run_watcher() = default;

    /// @param scenarios  how many will be finished.
    /// @param expected  of all steps together.
    virtual void begin(std::size_t scenarios, std::chrono::nanoseconds expected) = 0;
    virtual void begin_step(const run_step& step) = 0;
    /// Its sample or its failure is in the cell.
    virtual void end_step(const run_step& step) = 0;
    /// Instead of both: an earlier round has failed.
    virtual void skip_step(const run_step& step) = 0;
    virtual void finish(const scenario_result& row) = 0;
};

}  // namespace bench
