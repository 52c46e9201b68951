#include "bench/failure.hpp"
#include "bench/listener.hpp"
#include "bench/lockstep/turns.hpp"
#include "bench/scenario.hpp"
#include "bench/server.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench::lockstep {
namespace {

/// What a call on a connection came to, where it moved no bytes.
constexpr int blocked = 0;
constexpr int over = -1;

/// A descriptor that is closed with its owner.
class open_descriptor {
public:
    open_descriptor(int number, const char* what) : number_(number)
    {
        if (number < 0)
            throw system_failure(what);
    }
    open_descriptor(const open_descriptor&) = delete;
    open_descriptor& operator=(const open_descriptor&) = delete;
    ~open_descriptor() { close(number_); }

    int get() const noexcept { return number_; }

private:
    int number_;
};

/// One connection, with TLS or without.
class peer {
public:
    peer(int descriptor, SSL_CTX* context) : descriptor_(descriptor, "accept4")
    {
        const int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!context)
            return;
        ssl_.reset(SSL_new(context));
        if (!ssl_ || SSL_set_fd(ssl_.get(), descriptor) != 1)
            throw failure("cannot make a server's connection: " + openssl_reason());
        SSL_set_accept_state(ssl_.get());
    }

    int descriptor() const noexcept { return descriptor_.get(); }
    /// Whether bytes wait in this process, of which epoll does not know.
    bool has_more() const noexcept { return ssl_ && SSL_has_pending(ssl_.get()); }

    int read(void* to, std::size_t size)
    {
        return ssl_ ? result_of(SSL_read(ssl_.get(), to, static_cast<int>(size)))
                    : result_of(recv(descriptor(), to, size, 0));
    }
    int write(const void* from, std::size_t size)
    {
        return ssl_ ? result_of(SSL_write(ssl_.get(), from, static_cast<int>(size)))
                    : result_of(send(descriptor(), from, size, MSG_NOSIGNAL));
    }
    void end() noexcept
    {
        if (ssl_ && SSL_get_shutdown(ssl_.get()) == SSL_RECEIVED_SHUTDOWN)
            SSL_shutdown(ssl_.get());
    }

    std::array<unsigned char, 8> length = {};
    std::size_t length_read = 0;
    std::uint64_t total = 0;  // of the transfer that the length announced
    std::uint64_t left = 0;

private:
    int result_of(int result) const noexcept
    {
        if (result > 0)
            return result;
        const int reason = SSL_get_error(ssl_.get(), result);
        if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
            return blocked;
        ERR_clear_error();
        return over;
    }
    static int result_of(ssize_t size) noexcept
    {
        if (size > 0)
            return static_cast<int>(size);
        return size < 0 && errno == EAGAIN ? blocked : over;
    }

    open_descriptor descriptor_;
    openssl_ptr<SSL> ssl_;
};

class bare_server {
public:
    bare_server(SSL_CTX* context, protocol spoken);

    std::uint16_t port() const { return port_of_listener(listener_.get()); }
    /// Serves whatever is there, and does not wait.
    void turn();

private:
    void watch(int descriptor, int operation, std::uint32_t events);
    void accept_all();
    bool serve(peer& one);
    bool answer(peer& one);
    bool download(peer& one);
    bool upload(peer& one);
    int read_length(peer& one);

    SSL_CTX* context_;
    protocol speaks_;
    open_descriptor epoll_{epoll_create1(EPOLL_CLOEXEC), "epoll_create1"};
    open_descriptor listener_{listen_on(0), "listen"};
    std::unordered_map<int, std::unique_ptr<peer>> peers_;
    // A record with TLS; without it what the kernel gives and takes at its best.
    std::size_t block_size_;
    std::vector<char> buffer_;
    std::vector<std::byte> content_;
};

bare_server::bare_server(SSL_CTX* context, protocol spoken)
    : context_(context), speaks_(spoken), block_size_(context ? write_size : 4 * write_size), buffer_(block_size_)
{
    for (std::size_t size = 0; size < write_size + block_size_; size += write_size)
        content_.insert(content_.end(), pattern().begin(), pattern().begin() + write_size);
    watch(listener_.get(), EPOLL_CTL_ADD, EPOLLIN);
}

void bare_server::watch(int descriptor, int operation, std::uint32_t events)
{
    epoll_event wanted = {};
    wanted.events = events;
    wanted.data.fd = descriptor;
    if (epoll_ctl(epoll_.get(), operation, descriptor, &wanted) != 0)
        throw system_failure("epoll_ctl");
}

void bare_server::accept_all()
{
    for (int descriptor;
         (descriptor = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        peers_[descriptor] = std::make_unique<peer>(descriptor, context_);
        watch(descriptor, EPOLL_CTL_ADD, EPOLLIN);
    }
}

void bare_server::turn()
{
    std::array<epoll_event, 256> ready;
    const int count = epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
    for (int i = 0; i < count; ++i) {
        const int descriptor = ready[static_cast<std::size_t>(i)].data.fd;
        if (descriptor == listener_.get()) {
            accept_all();
            continue;
        }
        peer& one = *peers_.at(descriptor);
        if (!serve(one)) {
            one.end();
            peers_.erase(descriptor);
        }
    }
}

/// @return whether the connection stays.
bool bare_server::serve(peer& one)
{
    switch (speaks_) {
    case protocol::download: return download(one);
    case protocol::upload: return upload(one);
    case protocol::echo:
    case protocol::http: break;
    }
    return answer(one);
}

/// A request of HTTP is taken for granted: the clients send one at a time.
bool bare_server::answer(peer& one)
{
    do {
        const int size = one.read(buffer_.data(), echo_buffer_size);
        if (size <= 0)
            return size == blocked;
        const bool echoes = speaks_ == protocol::echo;
        const void* const bytes = echoes ? buffer_.data() : http_answer.data();
        const int length = echoes ? size : static_cast<int>(http_answer.size());
        if (one.write(bytes, static_cast<std::size_t>(length)) != length)
            return false;
    } while (one.has_more());
    return true;
}

int bare_server::read_length(peer& one)
{
    const int size = one.read(one.length.data() + one.length_read, one.length.size() - one.length_read);
    if (size <= 0)
        return size;
    one.length_read += static_cast<std::size_t>(size);
    if (one.length_read == one.length.size()) {
        one.total = 0;
        for (const unsigned char each : one.length)
            one.total = one.total << 8 | each;
        one.left = one.total;
    }
    return size;
}

bool bare_server::download(peer& one)
{
    while (one.length_read < one.length.size()) {
        const int size = read_length(one);
        if (size <= 0)
            return size == blocked;
        if (one.length_read == one.length.size())
            watch(one.descriptor(), EPOLL_CTL_MOD, EPOLLOUT);
    }
    while (one.left != 0) {
        const std::size_t offset = (one.total - one.left) % write_size;
        const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(one.left, block_size_));
        const int size = one.write(content_.data() + offset, part);
        if (size <= 0)
            return size == blocked;
        one.left -= static_cast<std::uint64_t>(size);
    }
    one.length_read = 0;
    watch(one.descriptor(), EPOLL_CTL_MOD, EPOLLIN);
    return true;
}

bool bare_server::upload(peer& one)
{
    for (;;) {
        if (one.length_read < one.length.size()) {
            const int size = read_length(one);
            if (size <= 0)
                return size == blocked;
            continue;
        }
        const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(one.left, buffer_.size()));
        const int size = one.read(buffer_.data(), part);
        if (size <= 0)
            return size == blocked;
        one.left -= static_cast<std::uint64_t>(size);
        if (one.left == 0) {
            if (one.write(one.length.data(), one.length.size()) != static_cast<int>(one.length.size()))
                return false;
            one.length_read = 0;
        }
    }
}

openssl_ptr<SSL_CTX> make_server_context(const turn_settings& settings)
{
    openssl_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
    if (!context || SSL_CTX_use_certificate_chain_file(context.get(), settings.certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        throw failure("cannot make a server: " + openssl_reason());
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context.get(), 1);
    return context;
}

void take_turns(bare_server& server, clients& with)
{
    with.connect_to(server.port());
    while (with.turn())
        server.turn();
}

}  // namespace

void take_turns_with_bare(const turn_settings& settings, clients& with)
{
    const openssl_ptr<SSL_CTX> context = make_server_context(settings);
    bare_server server(context.get(), settings.speaks);
    take_turns(server, with);
}

void take_turns_with_tcp(const turn_settings& settings, clients& with)
{
    bare_server server(nullptr, settings.speaks);
    take_turns(server, with);
}

}  // namespace bench::lockstep
