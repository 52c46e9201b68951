#pragma once

#include "bench/server.hpp"

namespace bench {

/// coil with the settings that it ships with, on one thread. Does not return.
void serve_with_coil(const server_settings& settings);

}  // namespace bench
