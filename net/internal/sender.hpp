#pragma once

#include <coil/net/internal/ending.hpp>
#include <coil/net/internal/transport.hpp>
#include <coil/runtime/error.hpp>
#include <coil/runtime/internal/operation.hpp>
#include <coil/runtime/internal/ready.hpp>

#include <memory>
#include <system_error>

namespace coil::net::internal {

/// The sending half of a connected socket: what is queued in one turn of the loop leaves as one send, just before the
/// turn's requests go to the kernel.
class sender final : private coil::internal::ready_item, private coil::internal::completion_handler {
public:
    /// @param how  what comes after the last byte.
    /// @param observer  who is told; may change.
    sender(ending& how, transport_observer* const& observer) noexcept : ending_(how), observer_(observer) {}

    void send(chunk_queue&& bytes) noexcept;
    chunk_queue take_back() noexcept { return std::move(pending_); }
    std::size_t unsent() const noexcept { return pending_.size() + in_flight_; }
    /// Somebody waits for what was handed over before.
    void want_sent() noexcept { sending_.need_completion(); }
    /// Why nothing can be sent any more.
    std::error_code error() const noexcept { return error_; }
    /// Whether a send met a reset. The kernel tells of it once, so that the receiving half has to ask here.
    bool met_reset() const noexcept { return error_ == errc::reset || cut_short_; }
    void end() noexcept;
    void end_with_close() noexcept;
    /// What became of the request for the end.
    void on_end(int outcome) noexcept;

    /// There is no loop any more that could send.
    void lose_loop() noexcept;

private:
    struct sent_bytes;

    void flush_later() noexcept;
    void flush() noexcept;
    bool awaited() const noexcept;
    void start(std::unique_ptr<sent_bytes> bytes) noexcept;
    void complete(const coil::internal::completion& what, coil::internal::operation_memory* memory) noexcept override;
    void on_sent(int outcome, sent_bytes& sent) noexcept;
    void fail(std::error_code error) noexcept;

    /// Once per turn, just before the requests go to the kernel.
    void run() noexcept override { flush(); }

    ending& ending_;
    transport_observer* const& observer_;

    bool patient_ = false;    // the send in flight waits until it has sent everything
    bool no_room_ = false;    // the last one did not wait, and could not send everything
    bool cut_short_ = false;  // it did wait and sent a part, which means that it met an error and kept it to itself

    coil::internal::operation sending_;
    chunk_queue pending_;
    std::size_t in_flight_ = 0;
    std::error_code error_;
};

}  // namespace coil::net::internal
