#pragma once

#include "bench/lockstep/measurement.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench::lockstep {

/// What a run is to do.
struct lockstep_options {
    unsigned rounds = 10;
    /// 0: what each workload has for itself.
    unsigned cycles = 0;
    std::vector<const workload*> workloads;
    std::vector<const contestant*> contestants;
    std::string json_file;
};

/// A command line that makes no sense.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// @return none if only help was asked for, which it has then printed. Throws: `usage_error`.
std::optional<lockstep_options> parse_options(int count, const char* const* words);

}  // namespace bench::lockstep
