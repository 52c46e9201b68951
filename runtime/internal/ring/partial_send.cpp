#include <coil/runtime/internal/ring/partial_send.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/uio.h>

namespace coil::internal {
namespace {

int send_bytes(nonblocking_system& by, const request& wanted, std::uint32_t from) noexcept
{
    const auto* const bytes = static_cast<const std::byte*>(wanted.address);
    return by.send(wanted.fd, bytes + from, wanted.length - from, static_cast<int>(wanted.option));
}

/// The caller's description stays as it is: what was sent already is left out of a copy.
int send_parts(nonblocking_system& by, const request& wanted, std::uint32_t from) noexcept
{
    const auto& whole = *static_cast<const msghdr*>(wanted.address);
    const int flags = static_cast<int>(wanted.option);
    if (from == 0)
        return by.send_message(wanted.fd, whole, flags);
    msghdr message = whole;
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
    return by.send_message(wanted.fd, message, flags);
}

}  // namespace

int send_rest(nonblocking_system& by, const request& wanted, std::uint32_t& done) noexcept
{
    while (true) {
        const int sent = wanted.code == opcode::send ? send_bytes(by, wanted, done) : send_parts(by, wanted, done);
        if (sent < 0) {
            const bool waits = sent == -EAGAIN && !(wanted.option & MSG_DONTWAIT);
            return done > 0 && !waits ? static_cast<int>(done) : sent;
        }
        done += static_cast<std::uint32_t>(sent);
        if (done >= wanted.length || !(wanted.option & MSG_WAITALL) || sent == 0)
            return static_cast<int>(done);
    }
}

}  // namespace coil::internal
