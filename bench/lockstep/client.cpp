#include "bench/lockstep/client.hpp"

#include "bench/failure.hpp"
#include "bench/scenario.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench::lockstep {
namespace {

constexpr std::size_t length_size = 8;
// What a client hands over in one turn at most, and what the kernel keeps of it.
constexpr std::size_t most_in_turn = 128 * 1024;
constexpr int send_buffer_size = 512 * 1024;

/// The eight bytes that announce a transfer.
std::array<std::byte, length_size> to_bytes(std::uint64_t length)
{
    std::array<std::byte, length_size> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(length >> 8 * (bytes.size() - 1 - i));
    return bytes;
}

void check_content(std::span<const std::byte> bytes, std::span<const std::byte> expected)
{
    if (bytes.size() > expected.size() || std::memcmp(bytes.data(), expected.data(), bytes.size()) != 0)
        throw failure("a client read something else than was to come");
}

}  // namespace

client::client(client&& other) noexcept
    : context_(other.context_),
      doing_(other.doing_),
      port_(other.port_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      newest_(std::move(other.newest_)),
      resumes_(other.resumes_),
      ssl_(std::move(other.ssl_)),
      stage_(other.stage_),
      sent_(other.sent_),
      received_(other.received_)
{
}

void client::connect()
{
    descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0)
        throw system_failure("a client cannot have a socket");
    const int on = 1;
    setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &send_buffer_size, sizeof send_buffer_size);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // Loopback connects at once, whether or not the server has accepted.
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw system_failure("a client cannot connect");
    fcntl(descriptor_, F_SETFL, O_NONBLOCK);
    if (!context_)
        return;
    ssl_.reset(SSL_new(context_));
    if (!ssl_ || SSL_set_fd(ssl_.get(), descriptor_) != 1)
        throw failure("cannot make a client: " + openssl_reason());
    SSL_set_connect_state(ssl_.get());
    if (doing_->scenario.resumed) {
        resumes_ = newest_ != nullptr;
        resume_newest(ssl_.get(), newest_);
    }
}

void client::disconnect() noexcept
{
    ssl_.reset();
    if (descriptor_ >= 0)
        close(descriptor_);
    descriptor_ = -1;
    stage_ = stage::closed;
}

void client::begin()
{
    sent_ = received_ = 0;
    if (stage_ == stage::closed) {
        connect();
        stage_ = stage::handshaking;
        return;
    }
    stage_ = stage::requesting;
}

bool client::step()
{
    // The server lives in the same thread and may have left something, which would count for ours.
    ERR_clear_error();
    if (stage_ == stage::handshaking) {
        if (!shake_hands())
            return false;
        stage_ = doing_->reconnects() ? stage::requesting : stage::opened;
        if (stage_ == stage::opened)
            return true;
    }
    if (stage_ == stage::ending)
        return step_end();
    if (stage_ != stage::requesting && stage_ != stage::answered)
        throw failure("a client has nothing to do");
    if (!step_message())
        return false;
    if (!doing_->reconnects())
        return true;
    if (doing_->scenario.kind == scenario_kind::reset) {
        reset();
        return true;
    }
    if (ssl_)
        SSL_shutdown(ssl_.get());
    else
        shutdown(descriptor_, SHUT_WR);
    stage_ = stage::ending;
    return step_end();
}

/// @return whether what is exchanged on an open connection, if anything is, has been.
bool client::step_message()
{
    const std::size_t size = doing_->scenario.size;
    switch (doing_->scenario.kind) {
    case scenario_kind::http:
        return step_exchange(std::as_bytes(std::span(http_request)), std::as_bytes(std::span(http_answer)));
    case scenario_kind::download: return step_download();
    case scenario_kind::upload: return step_upload();
    case scenario_kind::handshake: return true;
    default: return step_exchange(pattern().first(size), pattern().first(size));
    }
}

bool client::shake_hands()
{
    if (!ssl_)
        return true;
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
        check_handshake();
        return true;
    }
    if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ)
        throw failure("a client's handshake failed: " + openssl_reason());
    return false;
}

void client::check_handshake() const
{
    check_agreed(ssl_.get(), doing_->scenario);
    if (resumes_ && SSL_session_reused(ssl_.get()) != 1)
        throw failure("a server did not resume the session");
}

bool client::step_end()
{
    if (!ended())
        return false;
    if (ssl_ && doing_->scenario.resumed && !newest_)
        throw failure("a server gave no session to resume");
    disconnect();
    return true;
}

/// Ends the connection with a reset.
void client::reset()
{
    const linger at_once = {1, 0};
    if (setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0)
        throw system_failure("a client cannot reset its connection");
    disconnect();
}

bool client::step_exchange(std::span<const std::byte> request, std::span<const std::byte> answer)
{
    if (stage_ == stage::requesting) {
        write_message(request);
        stage_ = stage::answered;
    }
    std::array<std::byte, write_size> buffer;
    while (received_ < answer.size()) {
        const std::size_t size = read_some(std::span(buffer).first(answer.size() - received_));
        if (size == 0)
            return false;
        check_content(std::span(buffer).first(size), answer.subspan(received_));
        received_ += size;
    }
    return true;
}

/// Announces a transfer. @return false: it was done before.
bool client::send_length()
{
    if (stage_ != stage::requesting)
        return false;
    write_message(to_bytes(doing_->scenario.size));
    stage_ = stage::answered;
    return true;
}

bool client::step_download()
{
    if (send_length())
        return false;
    std::array<std::byte, write_size> buffer;
    while (received_ < doing_->scenario.size) {
        const std::size_t size = read_some(buffer);
        if (size == 0)
            return false;
        check_content(std::span(buffer).first(size), pattern().subspan(received_ % write_size));
        received_ += size;
    }
    if (received_ != doing_->scenario.size)
        throw failure("a client was sent more than it asked for");
    return true;
}

bool client::step_upload()
{
    send_length();
    for (std::size_t begun = sent_; sent_ < doing_->scenario.size && sent_ - begun < most_in_turn;) {
        const std::size_t part = std::min(doing_->scenario.size - sent_, write_size);
        const std::size_t size = write_some(pattern().subspan(sent_ % write_size, part));
        if (size == 0)
            return false;
        sent_ += size;
    }
    if (sent_ < doing_->scenario.size)
        return false;
    const std::array<std::byte, length_size> expected = to_bytes(doing_->scenario.size);
    while (received_ < length_size) {
        std::array<std::byte, length_size> buffer;
        const std::size_t size = read_some(std::span(buffer).first(length_size - received_));
        if (size == 0)
            return false;
        check_content(std::span(buffer).first(size), std::span(expected).subspan(received_));
        received_ += size;
    }
    return true;
}

/// @return bytes taken; where that is none, the same are to be written again.
std::size_t client::write_some(std::span<const std::byte> bytes)
{
    if (ssl_) {
        const int result = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
        if (result > 0)
            return static_cast<std::size_t>(result);
        if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_WRITE)
            throw failure("a client cannot write: " + openssl_reason());
        return 0;
    }
    const ssize_t size = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN)
        throw system_failure("a client cannot write");
    return static_cast<std::size_t>(std::max<ssize_t>(size, 0));
}

/// A message that finds room for certain.
void client::write_message(std::span<const std::byte> bytes)
{
    if (write_some(bytes) != bytes.size())
        throw failure("a client has no room for a message");
}

/// @return bytes read; 0 where there are none now.
std::size_t client::read_some(std::span<std::byte> buffer)
{
    if (ssl_) {
        const int result = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
        if (result > 0)
            return static_cast<std::size_t>(result);
        if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ)
            throw failure("a client cannot read: " + openssl_reason());
        return 0;
    }
    const ssize_t size = recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (size > 0)
        return static_cast<std::size_t>(size);
    if (size == 0 || errno != EAGAIN)
        throw failure("a client cannot read: the server has closed");
    return 0;
}

/// Whether the server has ended its side, in the orderly way.
bool client::ended()
{
    char nothing;
    if (!ssl_) {
        const ssize_t size = recv(descriptor_, &nothing, 1, 0);
        if (size > 0 || (size < 0 && errno != EAGAIN))
            throw failure("a server did not close as it should");
        return size == 0;
    }
    const int result = SSL_read(ssl_.get(), &nothing, 1);
    const int reason = SSL_get_error(ssl_.get(), result);
    if (result > 0 || (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_ZERO_RETURN))
        throw failure("a server did not close as it should: " + openssl_reason());
    return reason == SSL_ERROR_ZERO_RETURN;
}

}  // namespace bench::lockstep
