#pragma once

#include "bench/server.hpp"

namespace bench {

/// Boost.Asio's ssl streams with awaitable coroutines on epoll, one thread, written as its examples are. Does not return.
void serve_with_asio(const server_settings& settings);

}  // namespace bench
