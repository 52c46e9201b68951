#pragma once

#include "bench/scenario.hpp"
#include "bench/system.hpp"
#include "bench/usage_error.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// What a run is to do.
struct run_options {
    unsigned rounds = 4;
    /// Of each measurement.
    std::chrono::nanoseconds duration = std::chrono::milliseconds(500);
    /// Operations per second over all connections, each begun at its time; 0: as fast as answers come.
    double rate = 0;
    /// How long a server may take for what is awaited of it.
    std::chrono::milliseconds patience = std::chrono::seconds(20);
    std::vector<const scenario*> scenarios;
    /// All that were named on the command line or are part of this program.
    std::shared_ptr<std::vector<system>> known;
    /// Those of them that are measured, or would be if they could be had.
    std::vector<const system*> systems;
    /// Of each server under test.
    unsigned threads = 1;
    std::string json_file;
    std::string markdown_file;
    std::string page_file;
};

/// Throws: `usage_error` for what is no sensible number of threads.
unsigned to_threads(int given);
/// Adds the rivals in this folder.
/// @param build_folder  where they are built; empty: a folder in the user's cache.
/// Throws: `usage_error` if the folder cannot be read, or has a name that is taken.
void add_rivals(std::vector<system>& known, const std::string& folder, const std::string& build_folder);

/// @return none if only help was asked for, which it has then printed. Throws: `usage_error`.
std::optional<run_options> parse_options(int count, const char* const* words);

}  // namespace bench
