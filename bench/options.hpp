#pragma once

#include "bench/scenario.hpp"
#include "bench/system.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
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
    std::vector<const system*> systems;
    std::string json_file;
    std::string markdown_file;
    std::string page_file;
};

/// A command line that makes no sense.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// @return none if only help was asked for, which it has then printed. Throws: `usage_error`.
std::optional<run_options> parse_options(int count, const char* const* words);

}  // namespace bench
