#pragma once

#include "bench/server.hpp"

namespace bench {

/// Boost.Asio's ssl streams with awaitable coroutines, written as its examples are; a loop for each thread. On epoll, or on
/// io_uring where Asio is compiled for that, which a program can be only as a whole. Does not return.
void serve_with_asio(const server_settings& settings);

}  // namespace bench
