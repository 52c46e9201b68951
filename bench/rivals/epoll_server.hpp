#pragma once

#include "bench/server.hpp"

namespace bench {

/// OpenSSL on epoll by hand, without any framework: what careful work can reach. Does not return.
void serve_with_epoll(const server_settings& settings);

}  // namespace bench
