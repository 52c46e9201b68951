#include "bench/floor/endpoints.hpp"

#include "bench/failure.hpp"

#include <array>
#include <cstring>

namespace bench {
namespace {

openssl_ptr<SSL> make_endpoint(SSL_CTX* context, memory_pipe& input, memory_pipe& output)
{
    openssl_ptr<SSL> ssl(SSL_new(context));
    if (!ssl)
        throw failure("cannot make a TLS endpoint: " + openssl_reason());
    BIO* const bio = make_pipe_bio(input, output).release();
    SSL_set_bio(ssl.get(), bio, bio);
    return ssl;
}

/// @return whether the step is done; if not it waits for the peer.
bool check(SSL* ssl, int result, const char* what)
{
    if (result > 0)
        return true;
    const int reason = SSL_get_error(ssl, result);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_ZERO_RETURN)
        throw failure(std::string(what) + " in memory: " + openssl_reason());
    return false;
}

}  // namespace

endpoints::endpoints(SSL_CTX* client, SSL_CTX* server, const scenario& of, stopwatch& watch,
                     openssl_ptr<SSL_SESSION>* newest)
    : of_(&of), watch_(&watch)
{
    client_ = make_endpoint(client, to_client_, to_server_);
    if (of.resumed && newest) {
        resumes_ = *newest != nullptr;
        resume_newest(client_.get(), *newest);
    }
    SSL_set_connect_state(client_.get());
    watch_->start();
    server_ = make_endpoint(server, to_server_, to_client_);
    SSL_set_accept_state(server_.get());
    watch_->stop();
}

void endpoints::handshake()
{
    for (int step = 0; step < 10; ++step) {
        const bool client_done = check(client_.get(), SSL_do_handshake(client_.get()), "handshake");
        watch_->start();
        const int result = SSL_do_handshake(server_.get());
        watch_->stop();
        if (check(server_.get(), result, "handshake") && client_done) {
            char nothing;
            check(client_.get(), SSL_read(client_.get(), &nothing, 1), "tickets");
            check_agreed(client_.get(), *of_);
            if (resumes_ && SSL_session_reused(server_.get()) != 1)
                throw failure("a server in memory did not resume the session");
            return;
        }
    }
    throw failure("a handshake in memory does not end");
}

void endpoints::close()
{
    SSL_shutdown(client_.get());
    char nothing;
    watch_->start();
    const int result = SSL_read(server_.get(), &nothing, 1);
    SSL_shutdown(server_.get());
    server_.reset();
    watch_->stop();
    if (result > 0)
        throw failure("the client's end did not reach the server");
}

void endpoints::abandon()
{
    watch_->start();
    server_.reset();
    watch_->stop();
}

void endpoints::client_write(std::span<const std::byte> bytes)
{
    if (!check(client_.get(), SSL_write(client_.get(), bytes.data(), static_cast<int>(bytes.size())), "write"))
        throw failure("a client in memory cannot write");
}

void endpoints::client_read(std::span<const std::byte> expected)
{
    std::array<std::byte, 16 * 1024> buffer;
    const int size = SSL_read(client_.get(), buffer.data(), buffer.size());
    if (size != static_cast<int>(expected.size()) || std::memcmp(buffer.data(), expected.data(), expected.size()) != 0)
        throw failure("a client in memory read something else than was sent");
}

std::size_t endpoints::server_read(std::span<std::byte> buffer)
{
    std::size_t total = 0;
    int size;
    while ((size = SSL_read(server_.get(), buffer.data(), static_cast<int>(buffer.size()))) > 0)
        total += static_cast<std::size_t>(size);
    check(server_.get(), size, "read");
    return total;
}

void endpoints::server_write(std::span<const std::byte> bytes)
{
    if (!check(server_.get(), SSL_write(server_.get(), bytes.data(), static_cast<int>(bytes.size())), "write"))
        throw failure("a server in memory cannot write");
}

void endpoints::keep_server_only()
{
    client_.reset();
    to_client_.release();
    to_server_.release();
}

}  // namespace bench
