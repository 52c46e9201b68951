#include "bench/coil_epoll_server.hpp"

#include "bench/coil_server.hpp"

#include <cstdlib>

namespace bench {

void serve_with_coil_on_epoll(const server_settings& settings)
{
    ::setenv("COIL_BACKEND", "epoll", 1);
    serve_with_coil(settings);
}

}  // namespace bench
