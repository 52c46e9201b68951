#pragma once

#include "bench/results.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// One system as a report names it.
struct summary_system {
    std::string name;
    std::string description;
    /// Whether it is a part of the floor and no server under test.
    bool floor = false;
    /// Why it was not measured at all; empty if it was.
    std::string missing;
};

/// One system in one scenario.
struct summary_cell {
    std::string system;
    std::vector<sample> samples;
    /// Why there are no more samples; empty if nothing went wrong.
    std::string failure;
    std::optional<double> median;
    std::optional<double> minimum;
    std::optional<double> ratio;
    std::optional<double> rate;
    bool noisy = false;

    /// For each share the median over the samples; none where no sample says it.
    std::optional<latency> took() const;
    std::optional<latency> took_before() const;
};

/// One scenario.
struct summary_row {
    std::string name;
    std::string operation;
    /// Whether costs are bytes; otherwise they are nanoseconds of processor time.
    bool bytes = false;
    unsigned connections = 0;
    std::size_t size = 0;
    std::optional<double> floor;
    std::vector<summary_cell> cells;

    /// Null if the scenario does not apply to that system, or if that was not to be measured.
    const summary_cell* find(std::string_view system) const noexcept;
    /// Whether the same operations were timed before it and in it.
    bool storm() const noexcept;
};

/// All that a report shows. It needs no part of the program that measured it, so it can be read back from a file.
struct summary {
    /// When, as ISO 8601 in UTC.
    std::string made;
    std::string processor;
    unsigned processors = 0;
    std::string kernel;
    std::string openssl;
    /// How it was measured, in one line.
    std::string method;
    unsigned rounds = 0;
    /// Length of one measurement.
    double seconds = 0;
    /// Of each server under test.
    unsigned threads = 1;
    /// Operations per second that were asked for; 0: as fast as answers came.
    double rate = 0;
    /// What is wrong with the processors that were used; empty if nothing is.
    std::string complaint;
    bool complete = false;
    std::vector<summary_system> systems;
    std::vector<summary_row> rows;

    std::string machine() const;
};

/// Of what was measured just now, on this machine.
summary summarize(const results& all);
summary_row summarize(const scenario_result& row);

}  // namespace bench
