#pragma once

#include <coil/net/internal/stream_core.hpp>
#include <coil/net/internal/transport.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/runtime/internal/timers.hpp>
#include <coil/tls/engine.hpp>
#include <coil/tls/internal/answering.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <system_error>

namespace coil::tls::internal {

/// The inside of a TLS socket: an engine between a transport and the reader and writer.
///
/// Ciphertext is decrypted where the kernel put it, and what the engine seals goes to the transport in the chunks in which
/// it was made. Every step that the engine takes may leave something to send, whichever side asked for the step.
///
/// What a handshake asks is answered by a handler of the program, beside the coroutines that wait for the handshake. Until then
/// the engine takes no step.
class connection final : public net::internal::stream_core,
                         private net::internal::transport_observer,
                         private coil::internal::ready_item,
                         private coil::internal::timer_node {
public:
    /// @param handlers  null where nothing is asked.
    connection(tls::engine engine, std::shared_ptr<const question_handlers> handlers) noexcept
        : engine_(std::move(engine)), handlers_(std::move(handlers))
    {
    }
    ~connection() override;

    /// Ends the connection if a handshake, the first or one of a renegotiation, takes longer. 0: it may take any time.
    void limit_handshakes(std::chrono::milliseconds limit) noexcept { handshake_limit_ = limit; }

    /// Says that the bytes below are on their way: until `opening` is gone, reads and writes wait for them.
    void expect(const std::shared_ptr<const void>& opening) noexcept { opening_ = opening; }
    /// Whether they are on their way.
    bool opening() const noexcept { return !bytes_ && !opening_.expired(); }
    /// Says that they will not come for now; what waits fails.
    void expect_no_more() noexcept;
    /// Gives it the bytes below. @param bytes  not null; only where there is none yet.
    void connect(std::unique_ptr<net::internal::transport> bytes) noexcept;
    /// Closes at once, or keeps it from ever opening. @param reset  with a TCP reset for the peer.
    void destroy(bool reset) noexcept;
    /// Whether that was called; the failure may be an earlier one.
    bool destroyed() const noexcept { return destroyed_; }

    const tls::engine& engine() const noexcept { return engine_; }
    /// Null before it is connected and after it was closed.
    net::internal::transport* bytes() const noexcept { return bytes_.get(); }
    void disable_renegotiation() noexcept { engine_.disable_renegotiation(); }
    void set_key_cert(const secure_context& context) { engine_.set_key_cert(context); }
    /// What the handshake asked has been answered.
    void answered() noexcept;
    /// A handler whose answer nobody wants any more does not run now.
    void let_go_of_answer() noexcept;
    /// Where the peer was, also after the connection was closed by a failure.
    std::optional<net::address> remote_address() const;
    /// Why the connection is of no use any more; success while it is.
    std::error_code failure() const noexcept { return failure_; }
    /// Ends the connection because of something that the engine does not know of: it is reset.
    void fail(std::error_code error) noexcept { fail(error, net::internal::closing::abort); }
    /// The same where it never came to a connection. @param why  not null.
    void fail(std::shared_ptr<const coil::error_info> why) noexcept;
    /// All that is known about the failure; empty where there is none.
    tls::error_info error_info() const;
    /// Whether the first step of the handshake was taken.
    bool greeted() const noexcept { return greeted_; }

    result<std::size_t> take(std::span<std::byte> buffer) noexcept override;
    result<bool> has_input() noexcept override;
    void want_input() noexcept override;
    result<std::size_t> put(std::span<const std::span<const std::byte>> pieces, std::size_t skip) noexcept override;
    void want_output() noexcept override
    {
        if (bytes_)
            bytes_->want_sent();
    }
    std::size_t unsent() const noexcept override { return bytes_ ? bytes_->unsent() : 0; }
    std::error_code send_error() const noexcept override;
    result<bool> open() noexcept override;
    bool ended() const noexcept override { return engine_.shutdown_sent() && bytes_ && bytes_->ended(); }

private:
    void on_received() noexcept override;
    void on_sent() noexcept override
    {
        wake_writer();
        if (read_after_sending_)
            wake_reader();
    }
    bool awaits_sending() const noexcept override { return has_writer() || read_after_sending_; }

    void end() noexcept override;
    void give_up(net::internal::closing how) noexcept override;

    /// The loop has time for a step of the handshake.
    void run() noexcept override;
    /// A handshake takes too long.
    void expire() noexcept override;

    template <class Step>
    progress drive(Step step) noexcept;
    void after_step(bool was_open, status outcome) noexcept;
    bool asks() const noexcept { return answering_ && !answering_->abandoned(); }
    bool look_up_answer() noexcept;
    void begin_answer() noexcept;
    void abandon_answer() noexcept;
    void end_answer() noexcept;
    void watch_asking_peer() noexcept;
    void close_engine() noexcept;
    void watch_handshake(status outcome) noexcept;
    void forget_handshake() noexcept;
    void drop_bytes() noexcept;
    void fail(std::error_code error, net::internal::closing how) noexcept;
    bool awaits_turn() noexcept;
    std::error_code error_of_engine() noexcept;
    result<std::size_t> seal(std::span<const std::byte> bytes, std::size_t room) noexcept;
    void flush() noexcept;

    tls::engine engine_;
    std::shared_ptr<const question_handlers> handlers_;
    std::shared_ptr<answering> answering_;  // while a handler is at work
    std::unique_ptr<net::internal::transport> bytes_;
    std::weak_ptr<const void> opening_;
    std::unique_ptr<net::address> last_remote_;
    std::error_code failure_;
    std::shared_ptr<const coil::error_info> connect_failure_;
    std::chrono::milliseconds handshake_limit_{0};
    bool greeted_ = false;
    bool has_turn_ = false;  // to take a step of the handshake
    bool input_ended_ = false;
    bool write_needs_input_ = false;  // the peer renegotiates
    bool read_after_sending_ = false;
    bool destroyed_ = false;
};

}  // namespace coil::tls::internal
