#pragma once

#include "bench/report/summary.hpp"

#include <string>
#include <vector>

namespace bench {

/// The files that a report can be written to; each may be empty for none.
struct report_files {
    std::string json;
    std::string markdown;
    std::string page;

    /// Throws: `failure` if one of them cannot be written. Beforehand, so that a bad path is not found out after minutes.
    void check() const;
    void write(const summary& of) const;
};

/// Prints the tables, for a terminal as wide as it is.
void print_report(const summary& of);

/// `report FILE.json [--page FILE] [--markdown FILE]`: the report of an earlier run once more.
/// @param words  begin with the name of the subcommand.
/// @return exit code: 1 if the run had left something out. Throws: `usage_error`, `failure`.
int report_again(const std::vector<std::string>& words);

/// `compare FIRST.json SECOND.json`: what has changed from one run to another.
/// @return exit code: 1 if one of the runs has something that the other has not. Throws: `usage_error`, `failure`.
int compare_files(const std::vector<std::string>& words);

}  // namespace bench
