#include "bench/rivals/epoll_server.hpp"

#include "bench/failure.hpp"
#include "bench/listener.hpp"
#include "bench/openssl.hpp"
#include "bench/protocol.hpp"
#include "bench/scenario.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {
namespace {

enum class step { done, wait, end };

/// What a descriptor belongs to: a listener, unless it is a connection.
struct watched {
    watched(int of, protocol spoken) : descriptor(of), speaks(spoken) {}
    watched(const watched&) = delete;
    watched& operator=(const watched&) = delete;
    ~watched() { close(descriptor); }

    int descriptor;
    protocol speaks;
};

/// Small, since there may be many: buffers belong to the thread.
struct connection : watched {
    using watched::watched;

    openssl_ptr<SSL> ssl;
    /// What is to be written next; in `kept` if it would not last.
    std::span<const std::byte> unsent;
    std::vector<std::byte> kept;
    /// Bytes of a transfer that are still to come.
    std::uint64_t left = 0;
    std::array<std::byte, 8> length = {};
    std::uint8_t length_read = 0;
    /// How much of the end of a request has been seen, and how many answers are owed.
    std::uint8_t end_seen = 0;
    std::uint32_t answers = 0;
    bool waits_for_room = false;
};

/// One thread's share: listeners of its own, and the connections that came through them.
class worker {
public:
    worker(const server_settings& settings, SSL_CTX* context);
    void run();

private:
    void watch(watched& one, int operation, std::uint32_t events);
    void accept_all(const watched& listener);
    bool serve(connection& one);
    step outcome(connection& one, int result);
    step handshake(connection& one);
    step receive(connection& one);
    step send(connection& one);
    int read(connection& one, std::span<std::byte> buffer);
    step receive_length(connection& one);
    void count_requests(connection& one, std::span<const std::byte> bytes);
    bool choose_output(connection& one);

    SSL_CTX* context_;
    int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    std::vector<std::unique_ptr<watched>> listeners_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(write_size);
};

worker::worker(const server_settings& settings, SSL_CTX* context) : context_(context)
{
    for (const protocol one : all_protocols) {
        const int descriptor = listen_on(port_of(one, settings.port), settings.threads > 1);
        listeners_.push_back(std::make_unique<watched>(descriptor, one));
        watch(*listeners_.back(), EPOLL_CTL_ADD, EPOLLIN);
    }
}

void worker::watch(watched& one, int operation, std::uint32_t events)
{
    epoll_event wanted = {};
    wanted.events = events;
    wanted.data.ptr = &one;
    if (epoll_ctl(epoll_, operation, one.descriptor, &wanted) != 0)
        throw system_failure("epoll_ctl");
}

void worker::accept_all(const watched& listener)
{
    for (int descriptor;
         (descriptor = accept4(listener.descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        auto one = std::make_unique<connection>(descriptor, listener.speaks);
        const int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        one->ssl.reset(SSL_new(context_));
        if (!one->ssl || SSL_set_fd(one->ssl.get(), descriptor) != 1)
            throw failure("cannot make a TLS server: " + openssl_reason());
        SSL_set_accept_state(one->ssl.get());
        watch(*one, EPOLL_CTL_ADD, EPOLLIN);
        one.release();  // NOLINT: it belongs to epoll, and goes when `serve` says so
    }
}

/// What to do after a call that did not succeed.
step worker::outcome(connection& one, int result)
{
    const int reason = SSL_get_error(one.ssl.get(), result);
    if (reason == SSL_ERROR_ZERO_RETURN)
        SSL_shutdown(one.ssl.get());
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
        ERR_clear_error();
        return step::end;
    }
    // While output waits nothing is read, so that a peer that does not read cannot fill the memory.
    const bool room = reason == SSL_ERROR_WANT_WRITE;
    if (room != one.waits_for_room)
        watch(one, EPOLL_CTL_MOD, room ? EPOLLOUT : EPOLLIN);
    one.waits_for_room = room;
    return step::wait;
}

step worker::handshake(connection& one)
{
    const int result = SSL_do_handshake(one.ssl.get());
    return result == 1 ? step::done : outcome(one, result);
}

int worker::read(connection& one, std::span<std::byte> buffer)
{
    return SSL_read(one.ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
}

step worker::receive_length(connection& one)
{
    const int size = read(one, std::span(one.length).subspan(one.length_read));
    if (size <= 0)
        return outcome(one, size);
    one.length_read = static_cast<std::uint8_t>(one.length_read + size);
    if (one.length_read == one.length.size()) {
        one.left = 0;
        for (const std::byte each : one.length)
            one.left = one.left << 8 | static_cast<std::uint64_t>(each);
    }
    return step::done;
}

void worker::count_requests(connection& one, std::span<const std::byte> bytes)
{
    static constexpr std::string_view end = "\r\n\r\n";
    for (const std::byte each : bytes) {
        const char letter = static_cast<char>(each);
        if (letter == end[one.end_seen])
            ++one.end_seen;
        else
            one.end_seen = letter == '\r' ? 1 : 0;
        if (one.end_seen == end.size()) {
            one.end_seen = 0;
            ++one.answers;
        }
    }
}

/// Reads once, and does what follows from it.
step worker::receive(connection& one)
{
    const bool transfer = one.speaks == protocol::download || one.speaks == protocol::upload;
    if (transfer && one.length_read < one.length.size())
        return receive_length(one);
    const std::size_t wanted = one.speaks == protocol::upload
                                   ? static_cast<std::size_t>(std::min<std::uint64_t>(one.left, buffer_.size()))
                                   : echo_buffer_size;
    const int result = read(one, std::span(buffer_).first(wanted));
    if (result <= 0)
        return outcome(one, result);
    const auto size = static_cast<std::size_t>(result);
    if (one.speaks == protocol::echo)
        one.unsent = std::span(buffer_).first(size);
    else if (one.speaks == protocol::http)
        count_requests(one, std::span(buffer_).first(size));
    else
        one.left -= size;
    return step::done;
}

/// @return whether there is anything to write.
bool worker::choose_output(connection& one)
{
    if (!one.unsent.empty())
        return true;
    if (one.speaks == protocol::http && one.answers != 0) {
        --one.answers;
        one.unsent = std::as_bytes(std::span(http_answer));
    } else if (one.length_read == one.length.size() && one.speaks == protocol::download) {
        one.unsent = pattern().first(static_cast<std::size_t>(std::min<std::uint64_t>(one.left, write_size)));
        one.left -= one.unsent.size();
        if (one.left == 0)
            one.length_read = 0;
    } else if (one.length_read == one.length.size() && one.left == 0) {
        one.unsent = one.length;
        one.length_read = 0;
    }
    return !one.unsent.empty();
}

step worker::send(connection& one)
{
    while (choose_output(one)) {
        const int result = SSL_write(one.ssl.get(), one.unsent.data(), static_cast<int>(one.unsent.size()));
        if (result <= 0) {
            if (one.speaks == protocol::echo && one.kept.empty()) {
                one.kept.assign(one.unsent.begin(), one.unsent.end());
                one.unsent = one.kept;
            }
            return outcome(one, result);
        }
        one.unsent = {};
        one.kept = {};
    }
    if (one.waits_for_room)
        watch(one, EPOLL_CTL_MOD, EPOLLIN);
    one.waits_for_room = false;
    return step::done;
}

/// @return whether the connection stays.
bool worker::serve(connection& one)
{
    step next = step::done;
    const bool open = SSL_is_init_finished(one.ssl.get()) == 1;
    if (!open)
        next = handshake(one);
    else if (one.waits_for_room)
        next = send(one);
    else
        next = receive(one);
    // What is still in the socket is reported by the next wait; asking for it would mostly be a call in vain.
    if (next == step::done)
        next = send(one);
    while (next == step::done && SSL_has_pending(one.ssl.get()) == 1) {
        next = receive(one);
        if (next == step::done)
            next = send(one);
    }
    return next != step::end;
}

void worker::run()
{
    std::array<epoll_event, 256> events;
    for (;;) {
        const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
        for (int i = 0; i < count; ++i) {
            auto* const one = static_cast<watched*>(events[static_cast<std::size_t>(i)].data.ptr);
            const auto is_this = [one](const std::unique_ptr<watched>& listener) { return listener.get() == one; };
            if (std::ranges::any_of(listeners_, is_this))
                accept_all(*one);
            else if (!serve(static_cast<connection&>(*one)))
                delete static_cast<connection*>(one);
        }
    }
}

openssl_ptr<SSL_CTX> make_context(const server_settings& settings)
{
    openssl_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(context.get(), settings.certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        throw failure("cannot use the certificate: " + openssl_reason());
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // One call for a record instead of two, and for several if they are there; released when empty.
    SSL_CTX_set_read_ahead(context.get(), 1);
    SSL_CTX_set_default_read_buffer_len(context.get(), 4 * write_size);
    return context;
}

}  // namespace

void serve_with_epoll(const server_settings& settings)
{
    const openssl_ptr<SSL_CTX> context = make_context(settings);
    std::vector<std::unique_ptr<worker>> workers;
    for (unsigned i = 0; i < settings.threads; ++i)
        workers.push_back(std::make_unique<worker>(settings, context.get()));
    std::vector<std::jthread> threads;
    for (const auto& one : workers)
        threads.emplace_back([&one] { one->run(); });
}

}  // namespace bench
