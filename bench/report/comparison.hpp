#pragma once

#include "bench/report/summary.hpp"
#include "bench/report/table.hpp"

#include <string>
#include <vector>

namespace bench {

/// One system in one scenario, in two runs.
struct change {
    std::string scenario;
    std::string system;
    /// Ratios to the floor of each run; costs where one of the runs has no floor.
    double before = 0;
    double after = 0;
    bool bytes = false;
    bool has_floor = false;
    bool noisy = false;
    /// Whether no sample of one run lies within the range of the other's, which chance does to equal systems in 3 of 100 pairs
    /// of four rounds. Runs of fewer rounds say nothing about time; memory hardly varies.
    bool outside_noise = false;

    double factor() const noexcept { return after / before; }
};

/// What both runs have, in the order of the first.
std::vector<change> compare(const summary& before, const summary& after);
/// What only one of them has, a line each.
std::vector<std::string> only_in_one(const summary& before, const summary& after);

table to_table(const std::vector<change>& changes);

}  // namespace bench
