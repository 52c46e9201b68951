#include "bench/load/connection.hpp"

#include "bench/failure.hpp"

#include <openssl/err.h>

#include <array>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

sockaddr_in make_address(std::uint32_t host, std::uint16_t port)
{
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(host);
    return address;
}

/// This host has the whole network 127.0.0.0/8. The ports of one address would not last for many connections that come and
/// go, since one that has ended keeps its port for a while.
std::uint32_t next_source()
{
    thread_local std::uint32_t last = 0;
    last = (last + 1) % 16;
    return INADDR_LOOPBACK + last;
}

}  // namespace

connection::connection(poller& poll, session& owner, const target& to, openssl_ptr<SSL_SESSION>* newest)
    : poll_(&poll),
      owner_(&owner),
      context_(to.context),
      of_(to.of),
      servername_(to.servername),
      newest_(newest),
      descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
{
    if (descriptor_ < 0)
        throw system_failure("cannot make a socket");
    try {
        call(to.port);
        poll_->add(descriptor_, owner, true);
    } catch (...) {
        close(descriptor_);
        throw;
    }
}

void connection::call(std::uint16_t port)
{
    const int on = 1;
    setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(descriptor_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const sockaddr_in source = make_address(next_source(), 0);
    if (bind(descriptor_, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0)
        throw system_failure("cannot use an address of this host");
    const sockaddr_in address = make_address(INADDR_LOOPBACK, port);
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS)
        throw system_failure("cannot connect to the server");
}

connection::~connection()
{
    ssl_.reset();
    close(descriptor_);
}

void connection::want_output(bool wanted)
{
    if (watched_ && wanted != wants_output_)
        poll_->change(descriptor_, *owner_, wanted);
    wants_output_ = wanted;
}

void connection::watch(bool watched)
{
    if (watched && !watched_)
        poll_->add(descriptor_, *owner_, wants_output_);
    else if (!watched && watched_)
        poll_->remove(descriptor_);
    watched_ = watched;
}

/// @return result, or 0 where OpenSSL waits for the socket, or -1 at the orderly end.
int connection::tls_result(int result, const char* what)
{
    if (result > 0)
        return result;
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: want_output(false); return 0;
    case SSL_ERROR_WANT_WRITE: want_output(true); return 0;
    case SSL_ERROR_ZERO_RETURN: return -1;
    case SSL_ERROR_SYSCALL:
        throw errno != 0 ? system_failure(what) : failure(std::string(what) + ": the server closed the connection");
    default: break;
    }
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        throw failure(std::string(what) + ": the server closed the connection without close_notify");
    }
    throw failure(std::string(what) + ": " + openssl_reason());
}

void connection::begin_handshake()
{
    ssl_.reset(SSL_new(context_));
    if (!ssl_ || SSL_set_fd(ssl_.get(), descriptor_) != 1 ||
        (servername_ && SSL_set_tlsext_host_name(ssl_.get(), servername_) != 1))
        throw failure("cannot make a TLS client: " + openssl_reason());
    SSL_set_connect_state(ssl_.get());
    if (of_->resumed && newest_) {
        resumes_ = *newest_ != nullptr;
        resume_newest(ssl_.get(), *newest_);
    }
}

void connection::check_handshake() const
{
    check_agreed(ssl_.get(), *of_);
    if (resumes_ && SSL_session_reused(ssl_.get()) != 1)
        throw failure("the server did not resume the session");
}

bool connection::connect()
{
    if (connected_)
        return true;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        errno = error;
        throw system_failure("cannot connect to the server");
    }
    sockaddr_in peer;
    socklen_t peer_size = sizeof peer;
    if (getpeername(descriptor_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0)
        return false;
    connected_ = true;
    want_output(false);
    return true;
}

bool connection::open()
{
    if (open_)
        return true;
    if (!connect())
        return false;
    if (!context_)
        return open_ = true;
    if (!ssl_)
        begin_handshake();
    errno = 0;
    const int result = tls_result(SSL_do_handshake(ssl_.get()), "handshake");
    if (result < 0)
        throw failure("handshake: the server ended the connection");
    if (result > 0) {
        check_handshake();
        open_ = true;
        want_output(false);
    }
    return open_;
}

std::size_t connection::read(std::span<std::byte> buffer)
{
    errno = 0;
    if (ssl_) {
        const int result = tls_result(SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size())), "read");
        if (result < 0)
            throw failure("the server ended the connection");
        return static_cast<std::size_t>(result);
    }
    const ssize_t result = recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (result == 0)
        throw failure("the server ended the connection");
    if (result < 0 && errno != EAGAIN)
        throw system_failure("read");
    return result < 0 ? 0 : static_cast<std::size_t>(result);
}

std::size_t connection::write(std::span<const std::byte> bytes)
{
    errno = 0;
    if (ssl_) {
        const int result = tls_result(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())), "write");
        if (result > 0)
            want_output(false);
        return result > 0 ? static_cast<std::size_t>(result) : 0;
    }
    const ssize_t result = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (result < 0 && errno != EAGAIN)
        throw system_failure("write");
    want_output(result < 0);
    return result < 0 ? 0 : static_cast<std::size_t>(result);
}

void connection::end()
{
    if (ssl_) {
        ERR_clear_error();
        if (SSL_shutdown(ssl_.get()) < 0)
            throw failure("cannot end the connection: " + openssl_reason());
    } else {
        shutdown(descriptor_, SHUT_WR);
    }
}

void connection::reset()
{
    const linger at_once = {1, 0};
    if (setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0)
        throw system_failure("cannot reset a connection");
}

bool connection::closed()
{
    std::array<std::byte, 4096> dropped;
    if (ssl_) {
        for (;;) {
            errno = 0;
            const int result = SSL_read(ssl_.get(), dropped.data(), dropped.size());
            if (result > 0)
                continue;
            // Our end has been sent: that some servers answer it by closing without theirs is no fault of the connection.
            const bool cut = SSL_get_error(ssl_.get(), result) == SSL_ERROR_SSL &&
                             ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
            if (cut)
                ERR_clear_error();
            const bool ended = cut || tls_result(result, "end") < 0;
            if (ended && of_->resumed && newest_ && !*newest_)
                throw failure("the server gave no session to resume");
            return ended;
        }
    }
    const ssize_t result = recv(descriptor_, dropped.data(), dropped.size(), 0);
    if (result < 0 && errno != EAGAIN)
        throw system_failure("end");
    return result == 0;
}

}  // namespace bench
