#pragma once

#include <coil/runtime/internal/ring/epoll_ring.hpp>
#include <coil/runtime/internal/ring/ring.hpp>
#include <coil/runtime/internal/ring/uring.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace coil {

inline std::ostream& operator<<(std::ostream& out, backend which)
{
    return out << to_string(which);
}

}  // namespace coil

namespace coil::test {

using internal::completion;
using internal::opcode;
using internal::request;

/// What carries out the requests of every ring.
inline constexpr std::array both{backend::io_uring, backend::epoll};

/// The tests of rings try all that these can do, also where the environment has others do without.
inline const int nothing_is_left_unused = ::unsetenv("COIL_RING_WITHOUT");

/// A ring without a loop, of either backend.
class ring_under_test {
public:
    explicit ring_under_test(backend which,
                             const internal::ring_options& options = {.receive_buffers = 8, .receive_buffer_size = 64})
        : ring_(which == backend::epoll ? internal::make_epoll_ring(options) : internal::make_uring(options))
    {
    }

    internal::ring& ring() noexcept { return *ring_; }
    internal::ring* operator->() noexcept { return ring_.get(); }

    /// Queues a request.
    void ask(const request& wanted) { BOOST_REQUIRE(ring_->submit(wanted)); }
    /// Hands over, and takes what has come.
    void turn(std::chrono::nanoseconds wait = std::chrono::nanoseconds(0))
    {
        ring_->enter(wait);
        completion what;
        while (ring_->next(what))
            came_.push_back(what);
    }
    /// Several turns, in which everything that is on its way arrives.
    void settle()
    {
        for (int i = 0; i < 4; ++i)
            turn(std::chrono::milliseconds(1));
    }
    /// The next completion of that request, within ten seconds.
    completion wait_for(std::uint64_t user_data)
    {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (std::chrono::steady_clock::now() < deadline) {
            const auto found = std::find_if(came_.begin(), came_.end(),
                                            [&](const completion& each) { return each.user_data == user_data; });
            if (found != came_.end()) {
                const completion taken = *found;
                came_.erase(found);
                return taken;
            }
            turn(std::chrono::milliseconds(100));
        }
        BOOST_FAIL("request " + std::to_string(user_data) + " does not complete");
        return {};
    }
    int result_of(request wanted, std::uint64_t user_data = 77)
    {
        wanted.user_data = user_data;
        ask(wanted);
        return wait_for(user_data).result;
    }
    /// How often that request has completed and was not waited for.
    std::size_t count(std::uint64_t user_data) const
    {
        return static_cast<std::size_t>(std::count_if(
            came_.begin(), came_.end(), [&](const completion& each) { return each.user_data == user_data; }));
    }
    /// The bytes of a completion with a buffer, which is given back.
    std::string text_of(const completion& what)
    {
        BOOST_REQUIRE(what.has_buffer);
        const std::string text(reinterpret_cast<const char*>(ring_->buffer(what.buffer)),
                               static_cast<std::size_t>(what.result));
        ring_->return_buffer(what.buffer);
        return text;
    }

private:
    std::unique_ptr<internal::ring> ring_;
    std::vector<completion> came_;
};

/// Descriptors that are closed at the end.
class two_descriptors {
public:
    explicit two_descriptors(std::array<int, 2> fds = {-1, -1}) : fds_(fds) {}
    two_descriptors(two_descriptors&& other) noexcept : fds_(std::exchange(other.fds_, {-1, -1})) {}
    ~two_descriptors()
    {
        close(0);
        close(1);
    }
    int operator[](std::size_t which) const noexcept { return fds_[which]; }
    void close(std::size_t which) noexcept
    {
        if (fds_[which] >= 0)
            ::close(std::exchange(fds_[which], -1));
    }
    void write(std::size_t which, std::string_view text) const
    {
        BOOST_REQUIRE(::write(fds_[which], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }

private:
    std::array<int, 2> fds_;
};

inline two_descriptors unix_pair(int type = SOCK_STREAM)
{
    std::array<int, 2> fds{};
    BOOST_REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds.data()) == 0);
    return two_descriptors(fds);
}

/// A listening TCP socket on a free port of the loopback.
class tcp_listener {
public:
    explicit tcp_listener(int backlog = 512) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        BOOST_REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
        BOOST_REQUIRE(::listen(fd, backlog) == 0);
        socklen_t size = sizeof where;
        BOOST_REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) == 0);
    }
    tcp_listener(const tcp_listener&) = delete;
    tcp_listener& operator=(const tcp_listener&) = delete;
    ~tcp_listener() { ::close(fd); }

    int connect() const
    {
        const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        BOOST_REQUIRE(::connect(made, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
        return made;
    }

    int fd;
    sockaddr_in where{};
};

inline two_descriptors tcp_pair()
{
    const tcp_listener listening;
    const int client = listening.connect();
    const int server = ::accept4(listening.fd, nullptr, nullptr, SOCK_CLOEXEC);
    BOOST_REQUIRE(server >= 0);
    return two_descriptors({server, client});
}

inline request receive_request(int fd, std::string& into, std::uint64_t user_data)
{
    return {.code = opcode::receive,
            .fd = fd,
            .address = into.data(),
            .length = static_cast<std::uint32_t>(into.size()),
            .user_data = user_data};
}

inline request send_request(int fd, std::string_view bytes, std::uint64_t user_data,
                            int flags = MSG_NOSIGNAL | MSG_WAITALL)
{
    return {.code = opcode::send,
            .fd = fd,
            .address = bytes.data(),
            .length = static_cast<std::uint32_t>(bytes.size()),
            .option = static_cast<std::uint32_t>(flags),
            .user_data = user_data};
}

inline request transfer_request(opcode code, int fd, std::string& bytes, std::uint64_t user_data,
                                std::uint64_t offset = ~std::uint64_t{0})
{
    return {.code = code,
            .fd = fd,
            .address = bytes.data(),
            .length = static_cast<std::uint32_t>(bytes.size()),
            .offset = offset,
            .user_data = user_data};
}

}  // namespace coil::test
