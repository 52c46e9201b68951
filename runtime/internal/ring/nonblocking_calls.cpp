#include <coil/runtime/internal/ring/nonblocking_calls.hpp>

#include <coil/runtime/internal/ring/standard_numbers.hpp>

#include <cerrno>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace coil::internal {
namespace {

template <class Call>
int outcome_of(Call call) noexcept
{
    while (true) {
        const auto returned = call();
        if (returned >= 0)
            return static_cast<int>(returned);
        if (errno != EINTR)
            return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    }
}

}  // namespace

int receive_now(int fd, void* memory, std::size_t size) noexcept
{
    return outcome_of([&] { return ::recv(fd, memory, size, MSG_DONTWAIT); });
}

int send_now(int fd, const void* bytes, std::size_t size, int flags) noexcept
{
    return outcome_of([&] { return ::send(fd, bytes, size, flags | MSG_DONTWAIT | MSG_NOSIGNAL); });
}

int send_message_now(int fd, const msghdr& message, int flags) noexcept
{
    return outcome_of([&] { return ::sendmsg(fd, &message, flags | MSG_DONTWAIT | MSG_NOSIGNAL); });
}

int accept_one_now(int fd) noexcept
{
    return outcome_of([&] { return above_standard_numbers(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)); });
}

int connect_now(int fd, const sockaddr* where, socklen_t size) noexcept
{
    const int outcome = outcome_of([&] { return ::connect(fd, where, size); });
    return outcome == -EALREADY ? -EINPROGRESS : outcome;
}

int poll_now(int fd, std::uint32_t events) noexcept
{
    pollfd asked{.fd = fd, .events = static_cast<short>(events), .revents = 0};
    const int outcome = outcome_of([&] { return ::poll(&asked, 1, 0); });
    if (outcome < 0)
        return outcome;
    if (fd < 0 || asked.revents & POLLNVAL)
        return -EBADF;
    return outcome == 0 ? -EAGAIN : static_cast<unsigned short>(asked.revents);
}

int transfer_now(const request& wanted, descriptor_kind kind) noexcept
{
    void* const memory = const_cast<void*>(wanted.address);
    const bool reads = wanted.code == opcode::read;
    if (kind == descriptor_kind::socket)
        return reads ? receive_now(wanted.fd, memory, wanted.length) : send_now(wanted.fd, memory, wanted.length, 0);
    const iovec part{.iov_base = memory, .iov_len = wanted.length};
    // A stream has no places: the position is the current one, whatever the request says.
    return outcome_of([&] {
        return reads ? ::preadv2(wanted.fd, &part, 1, -1, RWF_NOWAIT) : ::pwritev2(wanted.fd, &part, 1, -1, RWF_NOWAIT);
    });
}

int transfer_plainly_now(const request& wanted, int fd) noexcept
{
    void* const memory = const_cast<void*>(wanted.address);
    return outcome_of([&] {
        return wanted.code == opcode::read ? ::read(fd, memory, wanted.length) : ::write(fd, memory, wanted.length);
    });
}

int kind_of_descriptor(int fd) noexcept
{
    struct stat status{};
    if (::fstat(fd, &status) != 0)
        return -errno;
    if (S_ISSOCK(status.st_mode))
        return static_cast<int>(descriptor_kind::socket);
    const bool is_stored = S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode);
    return static_cast<int>(is_stored ? descriptor_kind::stored : descriptor_kind::stream);
}

bool never_waits(int fd) noexcept
{
    const int flags = ::fcntl(fd, F_GETFL);
    return flags >= 0 && flags & O_NONBLOCK;
}

bool set_never_waits(int fd, bool on) noexcept
{
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ((flags & O_NONBLOCK) != 0) == on)
        return false;
    return ::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0;
}

bool is_listening_socket(int fd) noexcept
{
    int listens = 0;
    socklen_t size = sizeof listens;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

bool is_tcp_socket(int fd) noexcept
{
    int protocol = 0;
    socklen_t size = sizeof protocol;
    return ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
}

}  // namespace coil::internal
