#include <coil/runtime/internal/ring/epoll_ring.hpp>

#include <cerrno>
#include <system_error>

namespace coil::internal {

std::unique_ptr<ring> make_epoll_ring(const ring_options&)
{
    throw std::system_error(ENOSYS, std::system_category(), "epoll");
}

}  // namespace coil::internal
