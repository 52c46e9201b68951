#pragma once

#include <coil/net/internal/descriptor.hpp>
#include <coil/net/internal/transport.hpp>
#include <coil/runtime/internal/operation.hpp>
#include <coil/runtime/internal/ready.hpp>

#include <array>
#include <cstdint>

namespace coil::net::internal {

/// A connected stream socket on the loop's ring.
///
/// Receiving: usually one multishot receive stays armed, and the kernel picks a buffer of the ring's pool when bytes come,
/// so that an idle connection holds none. Where the buffers keep coming back full it changes to single receives into
/// large chunks, and back when they turn short. What nobody reads is kept up to an allowance; then receiving stops until
/// somebody does.
class socket_transport final : public transport, private coil::internal::ready_item {
public:
    /// @param connected  a stream socket.
    explicit socket_transport(descriptor connected) noexcept;
    ~socket_transport() override;

    std::span<const std::byte> received() const noexcept override;
    void consume(std::size_t bytes) noexcept override;
    std::error_code receive_error() const noexcept override { return receive_error_; }
    void want_bytes() noexcept override;

    void send(chunk_queue&& bytes) noexcept override;
    chunk_queue take_back() noexcept override;
    std::size_t unsent() const noexcept override { return pending_.size() + in_flight_; }
    void want_sent() noexcept override { sending_.need_completion(); }
    std::error_code send_error() const noexcept override { return send_error_; }
    void end() noexcept override;
    bool ended() const noexcept override { return ending_ == ending::done; }

    void reset_on_close() noexcept override;

    std::optional<address> local_address() const override;
    std::optional<address> remote_address() const override;
    std::error_code set_no_delay(bool on) noexcept override;
    std::error_code set_keep_alive(bool on, unsigned initial_delay_seconds) noexcept override;

private:
    struct received_chunk;
    struct sent_bytes;
    enum class ending : std::uint8_t { no, wanted, sent, done };

    /// Bytes in a buffer of the ring's pool.
    struct lent_buffer {
        std::uint16_t id;
        std::uint16_t begin;
        std::uint16_t end;
    };

    void arm() noexcept;
    void arm_single() noexcept;
    void on_receive(const coil::internal::completion& what, coil::internal::operation_memory* memory) noexcept;
    void store(const coil::internal::completion& what) noexcept;
    void note_size(std::size_t size, bool lent) noexcept;
    void return_buffers() noexcept;

    void flush_later() noexcept;
    void flush() noexcept;
    bool awaited() const noexcept;
    void start_send(std::unique_ptr<sent_bytes> bytes) noexcept;
    void on_send(const coil::internal::completion& what, coil::internal::operation_memory* memory) noexcept;
    void on_sent(int outcome, sent_bytes& sent) noexcept;
    void on_end(int outcome) noexcept;
    void fail_sending(std::error_code error) noexcept;

    int set_option(int level, int name, const void* value, socklen_t size) noexcept;

    /// Once per turn, just before the requests go to the kernel.
    void run() noexcept override { flush(); }

    template <auto Member>
    using handler = coil::internal::completion_member<socket_transport, Member>;

    /// A full record lies in four; more are copied until the transfer counts as bulk.
    static constexpr std::size_t most_lent = 4;

    descriptor socket_;

    std::array<lent_buffer, most_lent> lent_{};  // a ring: the bytes that came first
    std::uint8_t lent_first_ = 0;
    std::uint8_t lent_count_ = 0;
    std::uint8_t full_in_a_row_ = 0;
    bool bulk_ = false;     // single receives into large chunks
    bool starved_ = false;  // the pool was empty: the next receive brings its own memory
    bool was_armed_ = false;
    bool wanted_ = false;
    rearm_reason rearm_reason_ = rearm_reason::ended;  // why the multishot receive will be armed again

    ending ending_ = ending::no;
    bool patient_ = false;    // the send in flight waits until it has sent everything
    bool no_room_ = false;    // the last one did not wait, and could not send everything
    bool cut_short_ = false;  // it did wait and sent a part, which means that it met an error and kept it to itself

    coil::internal::operation receiving_;
    std::size_t unread_ = 0;
    chunk_queue copied_;  // the bytes that came after those in `lent_`
    std::error_code receive_error_;

    coil::internal::operation sending_;
    chunk_queue pending_;
    std::size_t in_flight_ = 0;
    std::error_code send_error_;

    handler<&socket_transport::on_receive> receive_handler_{*this};
    handler<&socket_transport::on_send> send_handler_{*this};
};

}  // namespace coil::net::internal
