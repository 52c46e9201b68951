#include <coil/net/internal/retirement.hpp>

#include <coil/runtime/loop.hpp>

#include <chrono>

namespace coil::net::internal {
namespace {

/// How long it may take to send the rest, and how long the peer is then listened to for its end.
constexpr std::chrono::seconds time_to_send{30};
constexpr std::chrono::seconds time_to_linger{2};

}  // namespace

void retirement::begin(std::unique_ptr<transport> bytes, bool peer_ended) noexcept
{
    (new retirement(std::move(bytes), peer_ended))->start();
}

void retirement::start() noexcept
{
    bytes_->observe(this);
    bytes_->want_sent();
    if (!peer_ended_)
        bytes_->end();
    loop& home = loop::current();
    home.keep(*this);
    home.timers().set(*this, home.ring().now() + time_to_send);
    go_on();
}

/// A socket closed with bytes unread, or on which more arrive, answers with a reset, and that can overtake what was sent.
/// So the peer gets a moment to end its side too, unless it said that nothing will follow.
void retirement::go_on() noexcept
{
    while (!bytes_->received().empty())
        bytes_->consume(bytes_->received().size());
    const bool received_all = static_cast<bool>(bytes_->receive_error());
    if (bytes_->send_error() || (has_sent_all() && (received_all || peer_ended_))) {
        finish();
        return;
    }
    if (!received_all && !listening_ && !peer_ended_) {
        listening_ = true;
        bytes_->want_bytes();
    }
    if (bytes_->ended() && !lingering_) {
        lingering_ = true;
        loop& home = loop::current();
        home.timers().set(*this, home.ring().now() + time_to_linger);
    }
}

void retirement::on_received() noexcept
{
    listening_ = false;
    go_on();
}

/// The end included, where the peer has to be told of it before the socket is closed.
bool retirement::has_sent_all() const noexcept
{
    return peer_ended_ ? bytes_->unsent() == 0 : bytes_->ended();
}

bool retirement::busy() const noexcept
{
    return !bytes_->send_error() && !has_sent_all();
}

void retirement::finish() noexcept
{
    if (!ready_item::linked())
        loop::current().enqueue(*this);
}

}  // namespace coil::net::internal
