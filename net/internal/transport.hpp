#pragma once

#include <coil/net/address.hpp>
#include <coil/runtime/internal/chunk.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <system_error>

namespace coil::net::internal {

using coil::internal::chunk;
using coil::internal::chunk_queue;

/// How a connection is given up.
enum class closing : std::uint8_t {
    /// What was queued is sent, then the end: the peer knows that it has everything.
    in_order,
    /// What was queued may still leave, but no end follows it: the connection is reset, and the peer knows that it was cut off.
    abort,
};

class admission;

/// Who uses a transport. The calls come from completion handlers: they may only change state and enqueue.
class transport_observer {
public:
    /// Bytes were received, or none will come any more. Once for each `transport::want_bytes`.
    virtual void on_received() noexcept = 0;
    /// Bytes left, or cannot leave any more.
    virtual void on_sent() noexcept = 0;
    /// Whether somebody waits for `on_sent`. Where not, it may come late; who comes to wait later calls `want_sent`.
    virtual bool awaits_sending() const noexcept = 0;

protected:
    ~transport_observer() = default;
};

/// Bytes both ways between two hosts, without a copy that can be avoided: received bytes are read where the kernel put
/// them, and sent bytes are handed over in the chunks in which they were made.
/// Destroying it resets the connection, unless its end has left.
///
/// It neither limits what is queued for sending nor receives without end for nobody: the first is its user's job, the
/// second its own.
class transport {
public:
    virtual ~transport();

    void observe(transport_observer* observer) noexcept { observer_ = observer; }

    /// The first run of received bytes that lie together; empty when there are none.
    virtual std::span<const std::byte> received() const noexcept = 0;
    /// Bytes that were received and not dropped.
    virtual std::size_t unread() const noexcept = 0;
    /// Copies the first of them. @return how many.
    virtual std::size_t peek(std::span<std::byte> into) const noexcept = 0;
    /// Drops the first `bytes` of `received()`.
    virtual void consume(std::size_t bytes) noexcept = 0;
    /// Why nothing will follow the bytes that were received: `errc::end_of_stream`, `errc::reset` or the system's.
    virtual std::error_code receive_error() const noexcept = 0;
    /// Asks for one call of `on_received` when more bytes have come. Only where there is no `receive_error()`.
    virtual void want_bytes() noexcept = 0;

    /// Sends `bytes` behind all others. What is sent in one turn of the loop leaves together; what comes after `end` is
    /// dropped.
    virtual void send(chunk_queue&& bytes) noexcept = 0;
    /// Takes back what waits for the end of the turn, so that more can be put behind it in the same memory; all of it is
    /// to be sent again before anything else happens. Where each record brought memory of its own, most of that would stay
    /// empty, and a transfer would need several times the cache that it has to.
    virtual chunk_queue take_back() noexcept = 0;
    /// Bytes that the kernel has not taken yet.
    virtual std::size_t unsent() const noexcept = 0;
    /// Somebody came to wait for bytes that were handed over before: `on_sent` will not come late.
    virtual void want_sent() noexcept = 0;
    /// Grows as the peer's host takes bytes; 0 where the kernel does not tell.
    virtual std::uint64_t delivered() const noexcept = 0;
    /// Why nothing can be sent any more.
    virtual std::error_code send_error() const noexcept = 0;
    /// Ends the sending side once everything was sent.
    virtual void end() noexcept = 0;
    /// The same where nothing is left to hear from the peer and what follows is the close: that sends the end too.
    virtual void end_with_close() noexcept = 0;
    /// Whether the end has been sent, or needs no more than the close.
    virtual bool ended() const noexcept = 0;

    /// Makes the close that follows a reset, also where the end has left.
    virtual void reset_on_close() noexcept = 0;

    /// Counts it among the connections of a server for as long as it exists.
    void count_in(std::shared_ptr<admission> server) noexcept;
    const std::shared_ptr<admission>& counted_in() const noexcept { return admission_; }

    virtual std::optional<address> local_address() const = 0;
    virtual std::optional<address> remote_address() const = 0;
    virtual std::error_code set_no_delay(bool on) noexcept = 0;
    virtual std::error_code set_keep_alive(bool on, unsigned initial_delay_seconds) noexcept = 0;

protected:
    transport_observer* observer_ = nullptr;

private:
    std::shared_ptr<admission> admission_;
};

}  // namespace coil::net::internal
