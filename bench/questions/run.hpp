#pragma once

#include "bench/questions/report.hpp"

namespace bench::questions {

/// Measures what the options say, and tells on standard error how that goes on. What fails is in the findings.
/// Throws: `failure` if nothing can be measured.
findings run(const questions_options& options);

}  // namespace bench::questions
