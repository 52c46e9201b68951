#pragma once

#include <coil/net/internal/descriptor.hpp>
#include <coil/net/internal/transport.hpp>
#include <coil/runtime/internal/background.hpp>
#include <coil/runtime/internal/operation.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/runtime/internal/timers.hpp>

#include <array>
#include <cstdint>

namespace coil::net::internal {

/// A connected stream socket on the loop's ring.
///
/// Receiving: usually one multishot receive stays armed, and the kernel picks a buffer of the ring's pool when bytes come,
/// so that an idle connection holds none. Where the buffers keep coming back full it changes to single receives into
/// large chunks, and back when they turn short. What nobody reads is kept up to an allowance; then receiving stops until
/// somebody does.
class socket_transport final : public transport, private coil::internal::background, private coil::internal::timer_node {
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
    std::error_code send_error() const noexcept override { return send_error_; }
    void end() noexcept override;
    bool ended() const noexcept override { return ending_ == ending::done; }

    void retire(bool peer_ended) noexcept override;
    void reset_on_close() noexcept override;

    std::optional<address> local_address() const override;
    std::optional<address> remote_address() const override;
    std::error_code set_no_delay(bool on) noexcept override;
    std::error_code set_keep_alive(bool on, unsigned initial_delay_seconds) noexcept override;

private:
    struct received_chunk;
    struct sent_bytes;
    enum class ending { no, wanted, sent, done };

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
    void on_end(const coil::internal::completion& what, coil::internal::operation_memory* memory) noexcept;
    void fail_sending(std::error_code error) noexcept;

    int set_option(int level, int name, const void* value, socklen_t size) noexcept;
    bool has_sent_all() const noexcept;
    bool busy() const noexcept override;
    void expire() noexcept override;
    void continue_retirement() noexcept;

    /// Runs `flush` once per turn, just before the requests go to the kernel.
    class flusher final : public coil::internal::ready_item {
    public:
        explicit flusher(socket_transport& owner) noexcept : owner_(owner) {}
        void run() noexcept override { owner_.flush(); }

    private:
        socket_transport& owner_;
    };

    /// Deletes the transport outside of its own handlers.
    class deleter final : public coil::internal::ready_item {
    public:
        explicit deleter(socket_transport& owner) noexcept : owner_(owner) {}
        void run() noexcept override { delete &owner_; }

    private:
        socket_transport& owner_;
    };

    template <auto Member>
    using handler = coil::internal::completion_member<socket_transport, Member>;

    static constexpr std::size_t most_lent = 16;

    descriptor socket_;

    coil::internal::operation receiving_;
    std::array<lent_buffer, most_lent> lent_{};  // a ring: the bytes that came first
    std::uint8_t lent_first_ = 0;
    std::uint8_t lent_count_ = 0;
    std::uint8_t full_in_a_row_ = 0;
    bool bulk_ = false;       // single receives into large chunks
    bool starved_ = false;    // the pool was empty: the next receive brings its own memory
    bool was_armed_ = false;
    rearm_reason rearm_reason_ = rearm_reason::ended;  // why the multishot receive will be armed again
    bool wanted_ = false;
    bool retired_ = false;
    bool peer_ended_ = false;  // retired without a need to wait for the peer
    bool lingering_ = false;  // everything was sent; waits for the end of the peer
    ending ending_ = ending::no;
    std::size_t unread_ = 0;
    chunk_queue copied_;  // the bytes that came after those in `lent_`
    std::error_code receive_error_;

    coil::internal::operation sending_;
    chunk_queue pending_;
    std::size_t in_flight_ = 0;
    bool patient_ = false;    // the send in flight waits until it has sent everything
    bool no_room_ = false;    // the last one did not wait, and could not send everything
    bool cut_short_ = false;  // it did wait and sent a part, which means that it met an error and kept it to itself
    std::error_code send_error_;

    handler<&socket_transport::on_receive> receive_handler_{*this};
    handler<&socket_transport::on_send> send_handler_{*this};
    handler<&socket_transport::on_end> end_handler_{*this};
    flusher flusher_{*this};
    deleter deleter_{*this};
};

}  // namespace coil::net::internal
