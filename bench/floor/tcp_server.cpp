#include "bench/floor/tcp_server.hpp"

#include "bench/failure.hpp"
#include "bench/listener.hpp"
#include "bench/protocol.hpp"
#include "bench/scenario.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {
namespace {

struct peer {
    int descriptor;
    protocol speaks;
    bool listens = false;
    std::uint64_t left = 0;
    std::array<unsigned char, 8> length = {};
    std::size_t length_read = 0;
};

/// Requests are taken for granted where a generator that sends one at a time cannot make a difference: this is no server
/// for anything else.
class plain_server {
public:
    explicit plain_server(std::uint16_t port);
    void run();

private:
    void watch(peer& one, int operation, std::uint32_t events);
    void accept_all(const peer& listener);
    bool serve(peer& one);
    bool send_all(peer& one, const void* bytes, std::size_t size);
    bool begin_transfer(peer& one, const unsigned char* bytes, std::size_t size);
    bool send_more(peer& one);
    bool receive(peer& one, std::size_t size);

    int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    std::vector<char> buffer_ = std::vector<char>(64 * 1024);
    std::vector<char> block_ = std::vector<char>(64 * 1024);
};

plain_server::plain_server(std::uint16_t port)
{
    for (std::size_t i = 0; i < block_.size(); ++i)
        block_[i] = static_cast<char>(pattern()[i % write_size]);
    for (const protocol speaks : all_protocols)
        watch(*new peer{listen_on(port_of(speaks, port)), speaks, true}, EPOLL_CTL_ADD, EPOLLIN);
}

void plain_server::watch(peer& one, int operation, std::uint32_t events)
{
    epoll_event wanted = {};
    wanted.events = events;
    wanted.data.ptr = &one;
    if (epoll_ctl(epoll_, operation, one.descriptor, &wanted) != 0)
        throw system_failure("epoll_ctl");
}

void plain_server::accept_all(const peer& listener)
{
    for (int descriptor;
         (descriptor = accept4(listener.descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        const int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(*new peer{descriptor, listener.speaks}, EPOLL_CTL_ADD, EPOLLIN);
    }
}

bool plain_server::send_all(peer& one, const void* bytes, std::size_t size)
{
    return send(one.descriptor, bytes, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

/// @return whether the length is complete.
bool plain_server::begin_transfer(peer& one, const unsigned char* bytes, std::size_t size)
{
    for (std::size_t i = 0; i < size && one.length_read < one.length.size(); ++i) {
        one.length[one.length_read++] = bytes[i];
        one.left = one.left << 8 | bytes[i];
    }
    return one.length_read == one.length.size();
}

bool plain_server::send_more(peer& one)
{
    while (one.left != 0) {
        const std::size_t offset = (0 - one.left) % write_size;
        const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(one.left, block_.size() - offset));
        const ssize_t size = send(one.descriptor, block_.data() + offset, part, MSG_NOSIGNAL);
        if (size < 0)
            return errno == EAGAIN;
        one.left -= static_cast<std::uint64_t>(size);
    }
    one.length_read = 0;
    watch(one, EPOLL_CTL_MOD, EPOLLIN);
    return true;
}

bool plain_server::receive(peer& one, std::size_t size)
{
    std::size_t used = 0;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(buffer_.data());
    if (one.length_read < one.length.size()) {
        used = one.length_read;
        if (!begin_transfer(one, bytes, size))
            return true;
        used = one.length.size() - used;
    }
    one.left -= std::min<std::uint64_t>(one.left, size - used);
    if (one.left != 0)
        return true;
    one.length_read = 0;
    return send_all(one, one.length.data(), one.length.size());
}

/// @return whether the connection stays.
bool plain_server::serve(peer& one)
{
    if (one.speaks == protocol::download && one.length_read == one.length.size())
        return send_more(one);
    const ssize_t size = recv(one.descriptor, buffer_.data(), buffer_.size(), 0);
    if (size <= 0)
        return size < 0 && errno == EAGAIN;
    switch (one.speaks) {
    case protocol::echo: return send_all(one, buffer_.data(), static_cast<std::size_t>(size));
    case protocol::http: return send_all(one, http_answer.data(), http_answer.size());
    case protocol::upload: return receive(one, static_cast<std::size_t>(size));
    case protocol::download:
        if (!begin_transfer(one, reinterpret_cast<const unsigned char*>(buffer_.data()),
                            static_cast<std::size_t>(size)))
            return true;
        watch(one, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
        return send_more(one);
    }
    return false;
}

void plain_server::run()
{
    std::array<epoll_event, 256> events;
    for (;;) {
        const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
        for (int i = 0; i < count; ++i) {
            peer& one = *static_cast<peer*>(events[static_cast<std::size_t>(i)].data.ptr);
            if (one.listens) {
                accept_all(one);
            } else if (!serve(one)) {
                close(one.descriptor);
                delete &one;
            }
        }
    }
}

}  // namespace

void serve_plain_tcp(const server_settings& settings)
{
    plain_server(settings.port).run();
}

}  // namespace bench
