#pragma once

#include "bench/server.hpp"

namespace bench {

/// coil with the settings that it ships with, a loop for each thread. Returns when a signal asks it to stop.
void serve_with_coil(const server_settings& settings);

}  // namespace bench
