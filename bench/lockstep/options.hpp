#pragma once

#include "bench/lockstep/measurement.hpp"

#include <optional>
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

/// @return none if only help was asked for, which it has then printed. Throws: `usage_error`.
std::optional<lockstep_options> parse_options(int count, const char* const* words);

}  // namespace bench::lockstep
