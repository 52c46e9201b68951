#pragma once

#include "bench/results.hpp"
#include "bench/run_watcher.hpp"

namespace bench {

/// Makes all measurements: for each scenario rounds in which every system has its turn (A B C A B C).
results run(const run_options& options, run_watcher& watcher);

}  // namespace bench
