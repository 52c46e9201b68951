#pragma once

#include <coil/net/internal/descriptor.hpp>
#include <coil/runtime/internal/operation.hpp>

#include <cstdint>

namespace coil::net::internal {

class sender;

/// A connected socket's descriptor, and how the connection ends: in order if that was asked for and everything before the
/// end has left, with a reset in any other case. So what was cut off cannot be taken for whole by the peer, whatever
/// destroyed the socket.
///
/// A Unix socket knows no reset: its peer sees an end, unless something it sent was left unread.
class ending final : private coil::internal::completion_handler {
public:
    explicit ending(descriptor connected) noexcept : socket_(std::move(connected)) {}
    ending(const ending&) = delete;
    ending& operator=(const ending&) = delete;
    ~ending() { close(); }

    int socket() const noexcept { return socket_.get(); }

    /// Says that the sending side is to end behind what is queued. @return false if that was said before.
    bool ask() noexcept;
    bool asked() const noexcept { return state_ != state::open; }
    /// Everything before the end has left: ends the sending side. @param of  is told how that went.
    void send(sender& of) noexcept;
    /// Nothing is left to hear from the peer: the end leaves with the close, which saves the kernel a call.
    void leave_to_close() noexcept { by_close_ = true; }
    /// Whether the end has left, or leaves with the close.
    bool sent() const noexcept { return state_ == state::sent; }
    /// Makes the close a reset although the end has left.
    void reset() noexcept { state_ = state::broken; }

    void close() noexcept;

private:
    enum class state : std::uint8_t { open, asked, sending, sent, broken };

    void complete(const coil::internal::completion& what, coil::internal::operation_memory*) noexcept override;

    descriptor socket_;
    state state_ = state::open;
    bool by_close_ = false;
    coil::internal::operation sending_;
    sender* sender_ = nullptr;
};

}  // namespace coil::net::internal
