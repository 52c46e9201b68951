#pragma once

#include "bench/report/summary.hpp"
#include "bench/report/table.hpp"

#include <string>
#include <vector>

namespace bench {

/// Those that have something to show: costs and ratios first, then best rounds, rates, latencies, memory and storms.
std::vector<table> tables_of(const summary& of);

/// What the marks in the tables mean; one sentence each.
std::vector<std::string> legend_of(const summary& of);
/// What is not in the tables, and why: one sentence each. Empty if nothing was left out.
std::vector<std::string> left_out_of(const summary& of);
/// The same in one sentence.
std::string completeness_of(const summary& of);

/// @param width  of the terminal.
std::string to_text(const summary& of, std::size_t width);
std::string to_markdown(const summary& of);

}  // namespace bench
