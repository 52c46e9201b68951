#include <coil/net/internal/socket_transport.hpp>

#include <coil/runtime/error.hpp>
#include <coil/runtime/loop.hpp>

#include <cerrno>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace coil::net::internal {

socket_transport::socket_transport(descriptor connected) noexcept : ending_(std::move(connected))
{
    loop::current().tell_of_end(*this);
}

void socket_transport::lose_loop() noexcept
{
    receiver_.lose_loop();
    sender_.lose_loop();
    ending_.close();
}

std::uint64_t socket_transport::delivered() const noexcept
{
    tcp_info info{};
    socklen_t size = sizeof info;
    loop* home = loop::current_or_null();
    if (!home || home->system().get_option(ending_.socket(), IPPROTO_TCP, TCP_INFO, &info, size) < 0)
        return 0;
    return info.tcpi_bytes_acked;
}

int socket_transport::set_option(int level, int name, const void* value, socklen_t size) noexcept
{
    loop* home = loop::current_or_null();
    return home ? home->system().set_option(ending_.socket(), level, name, value, size) : -EBADF;
}

std::optional<address> socket_transport::local_address() const
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    loop* home = loop::current_or_null();
    if (!home || home->system().local_address(ending_.socket(), storage, size) < 0)
        return std::nullopt;
    return address::from_system(storage, size);
}

std::optional<address> socket_transport::remote_address() const
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    loop* home = loop::current_or_null();
    if (!home || home->system().remote_address(ending_.socket(), storage, size) < 0)
        return std::nullopt;
    return address::from_system(storage, size);
}

std::error_code socket_transport::set_no_delay(bool on) noexcept
{
    const int value = on;
    const int set = set_option(IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
    return set < 0 && set != -EOPNOTSUPP ? error_from_errno(-set) : std::error_code();
}

std::error_code socket_transport::set_keep_alive(bool on, unsigned initial_delay_seconds) noexcept
{
    const int value = on;
    if (const int set = set_option(SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value); set < 0)
        return error_from_errno(-set);
    if (!on)
        return {};
    const int probes = 10;
    const int seconds_between = 1;
    set_option(IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    set_option(IPPROTO_TCP, TCP_KEEPINTVL, &seconds_between, sizeof seconds_between);
    const auto delay = static_cast<int>(initial_delay_seconds);
    const int set = delay > 0 ? set_option(IPPROTO_TCP, TCP_KEEPIDLE, &delay, sizeof delay) : 0;
    return set < 0 && set != -EOPNOTSUPP ? error_from_errno(-set) : std::error_code();
}

}  // namespace coil::net::internal
