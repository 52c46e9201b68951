#pragma once

#include "bench/scenario.hpp"

#include <chrono>
#include <string>

namespace bench {

/// What OpenSSL's own work costs a server: the same calls with no socket, in this process.
/// @return nanoseconds per operation; for memory bytes of heap per connection. Throws: `failure`; a storm has no floor.
double measure_floor(const scenario& of, std::chrono::nanoseconds duration, const std::string& certificate_file,
                     const std::string& key_file);

}  // namespace bench
