#pragma once

#include "bench/server.hpp"

namespace bench {

/// The server on coil, on the backend that coil takes where io_uring is refused. The choice is this process's from now on.
void serve_with_coil_on_epoll(const server_settings& settings);

}  // namespace bench
