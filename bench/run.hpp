#pragma once

#include "bench/results.hpp"

#include <functional>

namespace bench {

/// Makes all measurements: for each scenario rounds in which every system has its turn (A B C A B C).
/// @param finished  is told of each scenario as soon as its rounds are over.
results run(const run_options& options, const std::function<void(const results&, const scenario_result&)>& finished);

}  // namespace bench
