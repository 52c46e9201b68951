#pragma once

#include "bench/report/summary.hpp"

#include <string>

namespace bench {

/// One HTML file with plots and tables that needs nothing else: no network, no other file.
std::string to_page(const summary& of);

}  // namespace bench
