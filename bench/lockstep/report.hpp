#pragma once

#include "bench/lockstep/options.hpp"

#include <optional>
#include <string>
#include <vector>

namespace bench::lockstep {

/// All rounds of one system with one workload.
struct lockstep_cell {
    const contestant* of = nullptr;
    std::vector<round_result> rounds;
    std::string failure;  ///< Why rounds are missing; empty if none is.

    /// The least nanoseconds per operation.
    std::optional<double> best() const;
};

/// All systems with one workload.
struct lockstep_row {
    const workload* of = nullptr;
    std::vector<lockstep_cell> cells;

    /// The sum of its parts; none where one of them is missing.
    std::optional<double> floor() const;
};

/// The head of the table, and one line of it.
std::string head_line(const lockstep_options& options);
std::string table_line(const lockstep_row& row);
std::string to_json(const std::vector<lockstep_row>& rows);

}  // namespace bench::lockstep
