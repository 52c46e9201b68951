#include <coil/runtime/internal/simulation/simulated_system.hpp>

#include <cerrno>

namespace coil::internal {

int simulated_system::socket(int family) noexcept
{
    const int made = network_.socket(family);
    world_.note("socket", {family, made});
    return made;
}

int simulated_system::bind(int fd, const sockaddr* where, socklen_t size) noexcept
{
    const auto place = simulated_place::from_system(where, size);
    const int outcome = place ? network_.find(fd, "bind")->bind(*place) : -EINVAL;
    world_.note("bind", {fd, outcome});
    return outcome;
}

int simulated_system::listen(int fd, int backlog) noexcept
{
    const int outcome = network_.find(fd, "listen")->listen(backlog);
    world_.note("listen", {fd, outcome});
    return outcome;
}

int simulated_system::accept_now(int fd) noexcept
{
    const int outcome = network_.find(fd, "accept")->accept_now();
    world_.note("accept now", {fd, outcome});
    return outcome;
}

int simulated_system::local_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept
{
    return network_.find(fd, "getsockname")->local_address(found, size);
}

int simulated_system::remote_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept
{
    return network_.find(fd, "getpeername")->remote_address(found, size);
}

int simulated_system::set_option(int fd, int level, int name, const void* value, socklen_t size) noexcept
{
    if (!simulated_network::owns(fd))
        return kernel_system().set_option(fd, level, name, value, size);
    return network_.find(fd, "setsockopt")->set_option(level, name, value, size);
}

int simulated_system::get_option(int fd, int level, int name, void* value, socklen_t& size) noexcept
{
    if (!simulated_network::owns(fd))
        return kernel_system().get_option(fd, level, name, value, size);
    return network_.find(fd, "getsockopt")->get_option(level, name, value, size);
}

void simulated_system::close(int fd) noexcept
{
    if (simulated_network::owns(fd))
        network_.close(fd);
    else
        kernel_system().close(fd);
}

void simulated_system::stop_listening(int fd) noexcept
{
    world_.note("stop listening", {fd});
    network_.find(fd, "shutdown")->stop_listening();
}

path_identity simulated_system::identify_path(const char* path) noexcept
{
    return network_.identify_path(path);
}

int simulated_system::remove_path(const char* path) noexcept
{
    return network_.remove_path(path);
}

int simulated_system::open_spare() noexcept
{
    return network_.socket(AF_UNIX);
}

}  // namespace coil::internal
