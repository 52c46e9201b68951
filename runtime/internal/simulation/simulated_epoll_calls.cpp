// The calls of a simulated epoll that are no waits. What does not come from the simulated network is the system's.
#include <coil/runtime/internal/simulation/simulated_epoll.hpp>

#include <coil/runtime/internal/ring/nonblocking_calls.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coil::internal {
namespace {

int outcome_of(int returned) noexcept
{
    return returned < 0 ? -errno : returned;
}

}  // namespace

int simulated_epoll::receive(int fd, void* memory, std::size_t size) noexcept
{
    if (!simulated_network::owns(fd))
        return receive_now(fd, memory, size);
    // TCP brings all that there is, as far as there is room for it.
    const bool may_be_short = !is_tcp(fd);
    const int outcome =
        network_.find(fd, "receive")->receive({static_cast<std::byte*>(memory), size}, may_be_short).value_or(-EAGAIN);
    world_.note("receive", {fd, static_cast<std::int64_t>(size), outcome});
    return outcome;
}

int simulated_epoll::send(int fd, const void* bytes, std::size_t size, int flags) noexcept
{
    if (!simulated_network::owns(fd))
        return send_now(fd, bytes, size, flags);
    const std::span all(static_cast<const std::byte*>(bytes), size);
    const int outcome = network_.find(fd, "send")->send(all).value_or(-EAGAIN);
    world_.note("send", {fd, static_cast<std::int64_t>(size), outcome});
    if (outcome > 0)
        world_.note_bytes(all.first(static_cast<std::size_t>(outcome)));
    return outcome;
}

int simulated_epoll::send_message(int fd, const msghdr& message, int flags) noexcept
{
    if (!simulated_network::owns(fd))
        return send_message_now(fd, message, flags);
    int sent = 0;
    for (const iovec& part : std::span(message.msg_iov, message.msg_iovlen)) {
        if (part.iov_len == 0)
            continue;
        const int outcome = send(fd, part.iov_base, part.iov_len, flags);
        if (outcome < 0)
            return sent > 0 ? sent : outcome;
        sent += outcome;
        if (static_cast<std::size_t>(outcome) < part.iov_len)
            break;
    }
    return sent;
}

int simulated_epoll::accept(int fd) noexcept
{
    if (!simulated_network::owns(fd))
        return accept_one_now(fd);
    const bool tcp = is_tcp(fd);
    int outcome = network_.find(fd, "accept")->accept().value_or(-EAGAIN);
    if (outcome == -ECANCELED)
        outcome = -ECONNABORTED;  // nothing can cancel a call
    if (outcome >= 0)
        tcp_[outcome] = tcp;
    world_.note("accept", {fd, outcome});
    return outcome;
}

int simulated_epoll::connect(int fd, const sockaddr* where, socklen_t size) noexcept
{
    if (!simulated_network::owns(fd))
        return connect_now(fd, where, size);
    if (const auto known = connecting_.find(fd); known != connecting_.end()) {
        if (!known->second.outcome)
            return -EINPROGRESS;
        const int outcome = *known->second.outcome;
        connecting_.erase(known);
        world_.note("connected", {fd, outcome});
        return outcome;
    }
    world_.note("connect", {fd});
    const auto place = simulated_place::from_system(where, size);
    if (!place)
        return -EINVAL;
    const std::shared_ptr<simulated_socket> calling = network_.find(fd, "connect");
    const std::uint64_t serial = next_serial_++;
    connecting_[fd].serial = serial;
    calling->connect(*place, [this, fd, serial](int outcome) {
        const auto found = connecting_.find(fd);
        if (found == connecting_.end() || found->second.serial != serial)
            return;
        found->second.outcome = outcome;
        socket_changed(*network_.find(fd, "connect"));
    });
    return -EINPROGRESS;
}

int simulated_epoll::poll(int fd, std::uint32_t events) noexcept
{
    if (!simulated_network::owns(fd))
        return poll_now(fd, events);
    const std::uint32_t there = state_of(fd) & (events | POLLERR | POLLHUP);
    return there == 0 ? -EAGAIN : static_cast<int>(there);
}

int simulated_epoll::shut_down(int fd, int how) noexcept
{
    if (!simulated_network::owns(fd))
        return outcome_of(::shutdown(fd, how));
    world_.note("shut down", {fd, how});
    return network_.find(fd, "shutdown")->shut_down(how);
}

int simulated_epoll::close(int fd) noexcept
{
    if (!simulated_network::owns(fd)) {
        watched_.erase(fd);
        return outcome_of(::close(fd));
    }
    network_.close(fd);
    return 0;
}

int simulated_epoll::transfer(const request& wanted, descriptor_kind kind) noexcept
{
    if (!simulated_network::owns(wanted.fd)) {
        const int outcome = transfer_now(wanted, kind);
        if (const auto found = watched_.find(wanted.fd); outcome == -EAGAIN && found != watched_.end())
            found->second.seen = 0;  // whatever comes now is news
        return outcome;
    }
    void* const memory = const_cast<void*>(wanted.address);
    const auto bell = network_.find_bell(wanted.fd);
    if (!bell && wanted.code == opcode::read)
        return receive(wanted.fd, memory, wanted.length);
    if (!bell)
        return send(wanted.fd, memory, wanted.length, 0);
    const std::uint64_t count = wanted.code == opcode::read ? bell->rung.exchange(0) : 0;
    if (count == 0 || wanted.length < sizeof count)
        return wanted.code == opcode::read ? -EAGAIN : -EINVAL;
    std::memcpy(memory, &count, sizeof count);
    return sizeof count;
}

int simulated_epoll::transfer_plainly(const request& wanted, int fd) noexcept
{
    return transfer_plainly_now(wanted, fd);
}

int simulated_epoll::kind_of(int fd) noexcept
{
    if (!simulated_network::owns(fd))
        return kind_of_descriptor(fd);
    if (network_.find_bell(fd))
        return static_cast<int>(descriptor_kind::stream);
    network_.find(fd, "fstat");
    return static_cast<int>(descriptor_kind::socket);
}

bool simulated_epoll::is_nonblocking(int fd) noexcept
{
    return simulated_network::owns(fd) || never_waits(fd);
}

bool simulated_epoll::set_nonblocking(int fd, bool on) noexcept
{
    return !simulated_network::owns(fd) && set_never_waits(fd, on);
}

bool simulated_epoll::is_listening(int fd) noexcept
{
    if (!simulated_network::owns(fd))
        return is_listening_socket(fd);
    int listens = 0;
    socklen_t size = sizeof listens;
    return network_.find(fd, "getsockopt")->get_option(SOL_SOCKET, SO_ACCEPTCONN, &listens, size) == 0 && listens != 0;
}

/// Some sockets of TCP's families are none, but SCTP's or Multipath TCP's.
bool simulated_epoll::is_tcp(int fd) noexcept
{
    if (!simulated_network::owns(fd))
        return is_tcp_socket(fd);
    const auto known = tcp_.find(fd);
    if (known != tcp_.end())
        return known->second;
    const bool made = network_.find(fd, "getsockopt")->family() != AF_UNIX && !world_.chance(0.3);
    return tcp_[fd] = made;
}

std::error_code simulated_epoll::run(job& call)
{
    call.make();
    return {};
}

}  // namespace coil::internal
