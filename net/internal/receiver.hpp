#pragma once

#include <coil/net/internal/sender.hpp>
#include <coil/net/internal/transport.hpp>
#include <coil/runtime/internal/operation.hpp>
#include <coil/runtime/internal/timers.hpp>
#include <coil/runtime/loop_stats.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <system_error>

namespace coil::net::internal {

/// The receiving half of a connected socket.
///
/// Usually one multishot receive stays armed, and the kernel picks a buffer of the ring's pool when bytes come, so that an
/// idle connection holds none. Where the buffers keep coming back full it changes to single receives into large chunks,
/// and back when they turn short or nothing comes for a moment. What nobody reads is kept up to an allowance; then
/// receiving stops until somebody does.
class receiver final : private coil::internal::completion_handler, private coil::internal::timer_node {
public:
    /// @param other_half  knows of resets that the kernel has told of already.
    /// @param observer  who is told; may change.
    receiver(int socket, const sender& other_half, transport_observer* const& observer) noexcept
        : socket_(socket), sender_(other_half), observer_(observer)
    {
    }
    ~receiver() override { return_buffers(); }

    std::span<const std::byte> received() const noexcept;
    std::size_t peek(std::span<std::byte> into) const noexcept;
    std::size_t unread() const noexcept { return unread_; }
    void consume(std::size_t bytes) noexcept;
    std::error_code error() const noexcept { return error_; }
    void want_bytes() noexcept;

    /// There is no loop any more: what came is dropped.
    void lose_loop() noexcept;

private:
    struct received_chunk;

    /// Bytes in a buffer of the ring's pool.
    struct lent_buffer {
        std::uint16_t id;
        std::uint16_t begin;
        std::uint16_t end;
    };

    void arm() noexcept;
    void arm_single() noexcept;
    void complete(const coil::internal::completion& what, coil::internal::operation_memory* memory) noexcept override;
    void store(const coil::internal::completion& what) noexcept;
    void note_size(std::size_t size, bool lent) noexcept;
    std::span<const std::byte> bytes_of(const lent_buffer& lent) const noexcept;
    void return_buffers() noexcept;
    /// Looks whether a bulk transfer has stopped, so that its memory does not wait for what may never come.
    void expire() noexcept override;

    /// A full record lies in four; more are copied until the transfer counts as bulk.
    static constexpr std::size_t most_lent = 4;

    const int socket_;
    bool bulk_ = false;     // single receives into large chunks
    bool quiet_ = false;    // nothing has come since the bulk transfer was looked at
    bool starved_ = false;  // the pool was empty: the next receive brings its own memory
    bool was_armed_ = false;
    bool wanted_ = false;
    std::uint8_t lent_first_ = 0;
    std::uint8_t lent_count_ = 0;
    std::uint8_t full_in_a_row_ = 0;
    rearm_reason rearm_reason_ = rearm_reason::ended;  // why the multishot receive will be armed again
    std::array<lent_buffer, most_lent> lent_{};        // a ring: the bytes that came first

    const sender& sender_;
    transport_observer* const& observer_;
    coil::internal::operation receiving_;
    std::size_t unread_ = 0;
    chunk_queue copied_;  // the bytes that came after those in `lent_`
    std::error_code error_;
};

}  // namespace coil::net::internal
