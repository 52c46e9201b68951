#include <coil/runtime/internal/ring/nonblocking_calls.hpp>

#include <coil/runtime/internal/ring/standard_numbers.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
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

int send_bytes(const request& wanted, std::uint32_t from) noexcept
{
    const auto* const bytes = static_cast<const std::byte*>(wanted.address);
    const int flags = static_cast<int>(wanted.option) | MSG_DONTWAIT | MSG_NOSIGNAL;
    return outcome_of([&] { return ::send(wanted.fd, bytes + from, wanted.length - from, flags); });
}

/// The caller's description stays as it is: what was sent already is left out of a copy.
int send_parts(const request& wanted, std::uint32_t from) noexcept
{
    msghdr message = *static_cast<const msghdr*>(wanted.address);
    const int flags = static_cast<int>(wanted.option) | MSG_DONTWAIT | MSG_NOSIGNAL;
    if (from == 0)
        return outcome_of([&] { return ::sendmsg(wanted.fd, &message, flags); });
    std::size_t skipped = 0;
    std::size_t left = from;
    while (skipped < message.msg_iovlen && left >= message.msg_iov[skipped].iov_len)
        left -= message.msg_iov[skipped++].iov_len;
    std::array<iovec, 16> some;  // the next call takes the others
    const std::size_t count = std::min(some.size(), message.msg_iovlen - skipped);
    std::copy_n(message.msg_iov + skipped, count, some.begin());
    if (count > 0) {
        some[0].iov_base = static_cast<std::byte*>(some[0].iov_base) + left;
        some[0].iov_len -= left;
    }
    message.msg_iov = some.data();
    message.msg_iovlen = count;
    message.msg_control = nullptr;  // it went with the first bytes
    message.msg_controllen = 0;
    return outcome_of([&] { return ::sendmsg(wanted.fd, &message, flags); });
}

}  // namespace

int receive_now(int fd, void* memory, std::size_t size) noexcept
{
    return outcome_of([&] { return ::recv(fd, memory, size, MSG_DONTWAIT); });
}

int send_now(const request& wanted, std::uint32_t& done) noexcept
{
    while (true) {
        const int sent = wanted.code == opcode::send ? send_bytes(wanted, done) : send_parts(wanted, done);
        if (sent < 0) {
            const bool waits = sent == -EAGAIN && !(wanted.option & MSG_DONTWAIT);
            return done > 0 && !waits ? static_cast<int>(done) : sent;
        }
        done += static_cast<std::uint32_t>(sent);
        if (done >= wanted.length || !(wanted.option & MSG_WAITALL) || sent == 0)
            return static_cast<int>(done);
    }
}

int accept_one_now(int fd) noexcept
{
    return outcome_of([&] { return above_standard_numbers(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)); });
}

int connect_now(const request& wanted) noexcept
{
    const auto* const where = static_cast<const sockaddr*>(wanted.address);
    const int outcome = outcome_of([&] { return ::connect(wanted.fd, where, wanted.length); });
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

int transfer_now(const request& wanted, channel_kind kind) noexcept
{
    void* const memory = const_cast<void*>(wanted.address);
    const bool reads = wanted.code == opcode::read;
    if (kind == channel_kind::socket)
        return reads
                   ? receive_now(wanted.fd, memory, wanted.length)
                   : outcome_of([&] { return ::send(wanted.fd, memory, wanted.length, MSG_DONTWAIT | MSG_NOSIGNAL); });
    const iovec part{.iov_base = memory, .iov_len = wanted.length};
    // A stream has no places: the position is the current one, whatever the request says.
    return outcome_of([&] {
        return reads ? ::preadv2(wanted.fd, &part, 1, -1, RWF_NOWAIT) : ::pwritev2(wanted.fd, &part, 1, -1, RWF_NOWAIT);
    });
}

int transfer_plainly(const request& wanted, int fd) noexcept
{
    void* const memory = const_cast<void*>(wanted.address);
    return outcome_of([&] {
        return wanted.code == opcode::read ? ::read(fd, memory, wanted.length) : ::write(fd, memory, wanted.length);
    });
}

bool is_nonblocking(int fd) noexcept
{
    const int flags = ::fcntl(fd, F_GETFL);
    return flags >= 0 && flags & O_NONBLOCK;
}

bool set_nonblocking(int fd, bool on) noexcept
{
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ((flags & O_NONBLOCK) != 0) == on)
        return false;
    return ::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0;
}

bool is_listening(int fd) noexcept
{
    int listens = 0;
    socklen_t size = sizeof listens;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

}  // namespace coil::internal
