#pragma once

#include "bench/server.hpp"

namespace bench {

/// The same protocols without TLS, on io_uring and nothing else: what the kernel alone costs a server. Does not return.
void serve_plain_uring(const server_settings& settings);

}  // namespace bench
