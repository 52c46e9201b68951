#pragma once

#include "bench/results.hpp"

#include <string>

namespace bench {

/// Where and how the run was made, for the head of a report.
std::string describe_machine();
std::string describe_method(const results& of);

/// One scenario as lines for a terminal.
std::string to_text(const scenario_result& row);
/// All scenarios as one table.
std::string to_markdown(const results& all);
/// Everything, with each sample.
std::string to_json(const results& all);

}  // namespace bench
