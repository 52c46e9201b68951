#include "bench/listener.hpp"

#include "bench/failure.hpp"

#include <string>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {
namespace {

constexpr int longest_queue = 4096;

sockaddr_in loopback(std::uint16_t port) noexcept
{
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace

int listen_on(std::uint16_t port, bool shared)
{
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    const sockaddr_in address = loopback(port);
    if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(descriptor, longest_queue) != 0) {
        const failure reason = system_failure("cannot listen on port " + std::to_string(port));
        close(descriptor);
        throw reason;
    }
    return descriptor;
}

std::uint16_t port_of_listener(int descriptor)
{
    sockaddr_in address = {};
    socklen_t size = sizeof address;
    if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw system_failure("getsockname");
    return ntohs(address.sin_port);
}

bool is_listened_on(std::uint16_t port) noexcept
{
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const bool connected = connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(descriptor);
    return connected;
}

}  // namespace bench
