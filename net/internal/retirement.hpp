#pragma once

#include <coil/net/internal/transport.hpp>
#include <coil/runtime/internal/background.hpp>
#include <coil/runtime/internal/frame_pool.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/runtime/internal/timers.hpp>

#include <memory>

namespace coil::net::internal {

/// A transport that nobody uses any more: what was queued is still sent, for a limited time, and then it closes. It belongs
/// to the loop and deletes itself.
///
/// An object of its own, so that a connection carries nothing of it while it is in use.
class retirement final : public coil::internal::pooled,
                         private transport_observer,
                         private coil::internal::background,
                         private coil::internal::timer_node,
                         private coil::internal::ready_item {
public:
    /// Gives up `bytes` in order. Destroying it instead drops what was queued.
    /// @param peer_ended  the peer said that nothing will follow, so that nobody has to wait for its end.
    static void begin(std::unique_ptr<transport> bytes, bool peer_ended) noexcept;

private:
    retirement(std::unique_ptr<transport> bytes, bool peer_ended) noexcept
        : bytes_(std::move(bytes)), peer_ended_(peer_ended)
    {
    }

    void start() noexcept;
    void go_on() noexcept;
    bool has_sent_all() const noexcept;
    /// Goes away outside of the transport's own handlers.
    void finish() noexcept;

    void on_received() noexcept override;
    void on_sent() noexcept override { go_on(); }
    bool awaits_sending() const noexcept override { return true; }
    bool busy() const noexcept override;
    void expire() noexcept override { finish(); }
    void run() noexcept override { delete this; }

    std::unique_ptr<transport> bytes_;
    const bool peer_ended_;
    bool listening_ = false;  // the transport will say when bytes come
    bool lingering_ = false;  // everything was sent; waits for the end of the peer
};

}  // namespace coil::net::internal
