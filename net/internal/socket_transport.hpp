#pragma once

#include <coil/net/internal/descriptor.hpp>
#include <coil/net/internal/ending.hpp>
#include <coil/net/internal/receiver.hpp>
#include <coil/net/internal/sender.hpp>
#include <coil/net/internal/transport.hpp>
#include <coil/runtime/internal/background.hpp>

namespace coil::net::internal {

/// A connected stream socket on the loop's ring: a receiver, a sender and an ending.
class socket_transport final : public transport, private coil::internal::resident {
public:
    /// @param connected  a stream socket.
    explicit socket_transport(descriptor connected) noexcept;

    std::span<const std::byte> received() const noexcept override { return receiver_.received(); }
    std::size_t unread() const noexcept override { return receiver_.unread(); }
    std::size_t peek(std::span<std::byte> into) const noexcept override { return receiver_.peek(into); }
    void consume(std::size_t bytes) noexcept override { receiver_.consume(bytes); }
    std::error_code receive_error() const noexcept override { return receiver_.error(); }
    void want_bytes() noexcept override { receiver_.want_bytes(); }

    void send(chunk_queue&& bytes) noexcept override { sender_.send(std::move(bytes)); }
    chunk_queue take_back() noexcept override { return sender_.take_back(); }
    std::size_t unsent() const noexcept override { return sender_.unsent(); }
    void want_sent() noexcept override { sender_.want_sent(); }
    std::uint64_t delivered() const noexcept override;
    std::error_code send_error() const noexcept override { return sender_.error(); }
    void end() noexcept override { sender_.end(); }
    bool ended() const noexcept override { return ending_.sent(); }

    void end_with_close() noexcept override { sender_.end_with_close(); }
    void reset_on_close() noexcept override { ending_.reset(); }

    std::optional<address> local_address() const override;
    std::optional<address> remote_address() const override;
    std::error_code set_no_delay(bool on) noexcept override;
    std::error_code set_keep_alive(bool on, unsigned initial_delay_seconds) noexcept override;

private:
    int set_option(int level, int name, const void* value, socklen_t size) noexcept;
    void lose_loop() noexcept override;

    // Bytes in flight live on with their operation; the kernel closes the socket when that has let go of it.
    ending ending_;  // first: it closes the socket when the others are gone
    sender sender_{ending_, observer_};
    receiver receiver_{ending_.socket(), sender_, observer_};
};

}  // namespace coil::net::internal
