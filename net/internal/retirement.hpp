#pragma once

#include <coil/net/internal/admission.hpp>
#include <coil/net/internal/transport.hpp>
#include <coil/runtime/internal/background.hpp>
#include <coil/runtime/internal/frame_pool.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/runtime/internal/timers.hpp>

#include <chrono>
#include <memory>

namespace coil::net::internal {

/// A transport that nobody uses any more: what was queued is still sent, as long as the peer takes some of it now and then,
/// and then the connection ends as it was given up. It belongs to the loop and deletes itself.
///
/// Whatever cuts it short resets the connection, since its end has not left then. An object of its own, so that a
/// connection carries nothing of it while it is in use.
class retirement final : public coil::internal::pooled,
                         public coil::internal::list_hook<admission>,
                         private transport_observer,
                         private coil::internal::background,
                         private coil::internal::timer_node,
                         private coil::internal::ready_item {
public:
    /// Gives up `bytes`. Destroying it instead drops what was queued.
    /// @param peer_ended  the peer said that nothing will follow, so that nobody has to wait for its end.
    static void begin(std::unique_ptr<transport> bytes, closing how, bool peer_ended = false) noexcept;

    /// Resets the connection at once. Not from a handler of its own transport.
    void give_up() noexcept;

private:
    retirement(std::unique_ptr<transport> bytes, closing how, bool peer_ended) noexcept
        : bytes_(std::move(bytes)), how_(how), peer_ended_(peer_ended)
    {
    }

    void start() noexcept;
    void go_on() noexcept;
    void linger(bool heard) noexcept;
    bool has_sent_all() const noexcept;
    bool progressed() noexcept;
    void set_timer(std::chrono::steady_clock::time_point when) noexcept;
    /// Goes away outside of the transport's own handlers.
    void finish() noexcept;

    void on_received() noexcept override;
    void on_sent() noexcept override { go_on(); }
    bool awaits_sending() const noexcept override { return true; }
    bool busy() const noexcept override;
    void expire() noexcept override;
    void run() noexcept override { delete this; }

    std::unique_ptr<transport> bytes_;
    const closing how_;
    const bool peer_ended_;
    bool listening_ = false;  // the transport will say when bytes come
    bool lingering_ = false;  // everything was sent; waits for the end of the peer
    std::size_t unsent_ = 0;  // when the peer was last looked at
    std::uint64_t delivered_ = 0;
    std::chrono::steady_clock::time_point linger_until_;
};

}  // namespace coil::net::internal
