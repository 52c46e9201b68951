#pragma once

#include "bench/server.hpp"

namespace bench {

/// The same protocols without TLS, on epoll and nothing else: what the kernel alone costs a server. Does not return.
void serve_plain_tcp(const server_settings& settings);

}  // namespace bench
