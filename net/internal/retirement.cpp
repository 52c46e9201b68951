#include <coil/net/internal/retirement.hpp>

#include <coil/runtime/error.hpp>
#include <coil/runtime/loop.hpp>

#include <algorithm>

namespace coil::net::internal {
namespace {

using namespace std::chrono_literals;

/// Few connections last so long that the peer's progress has to be asked for, which takes a system call.
constexpr auto until_first_look = 1s;
/// How long from then on the peer may take none of what is left to send.
constexpr auto longest_without_progress = 30s;
/// How long a peer that sends nothing is listened to for its end, once everything was sent, and how long one that goes on.
constexpr auto longest_silence = 3s;
constexpr auto longest_linger = 30s;

}  // namespace

void retirement::begin(std::unique_ptr<transport> bytes, closing how, bool peer_ended) noexcept
{
    peer_ended |= bytes->receive_error() == errc::end_of_stream;
    if (how == closing::in_order && peer_ended)
        bytes->end_with_close();
    const bool all_sent = how == closing::abort ? bytes->unsent() == 0 : peer_ended && bytes->ended();
    if (!all_sent && !bytes->send_error())
        (new retirement(std::move(bytes), how, peer_ended))->start();
}

void retirement::start() noexcept
{
    bytes_->observe(this);
    bytes_->want_sent();
    if (how_ == closing::in_order && !peer_ended_)
        bytes_->end();
    loop::current().keep(*this);
    if (bytes_->counted_in())
        bytes_->counted_in()->retiring_.push_back(*this);
    set_timer(loop::current().system().now() + until_first_look);
    go_on();
}

/// A socket closed with bytes unread, or on which more arrive, answers with a reset, and that can overtake what was sent.
/// So a peer that is to see the end is listened to until its own, unless it said that nothing will follow.
void retirement::go_on() noexcept
{
    if (bytes_->send_error() || (how_ == closing::abort && has_sent_all())) {
        finish();
        return;
    }
    if (how_ == closing::abort)
        return;
    const bool heard = !bytes_->received().empty();
    while (!bytes_->received().empty())
        bytes_->consume(bytes_->received().size());
    const bool received_all = peer_ended_ || bytes_->receive_error();
    if (has_sent_all() && received_all) {
        finish();
        return;
    }
    if (!received_all && !listening_) {
        listening_ = true;
        bytes_->want_bytes();
    }
    if (has_sent_all())
        linger(heard);
}

void retirement::linger(bool heard) noexcept
{
    const auto now = loop::current().system().now();
    if (!lingering_)
        linger_until_ = now + longest_linger;
    if (!std::exchange(lingering_, true) || heard)
        set_timer(std::min(now + longest_silence, linger_until_));
}

void retirement::on_received() noexcept
{
    listening_ = false;
    go_on();
}

void retirement::expire() noexcept
{
    if (!lingering_ && progressed())
        set_timer(loop::current().system().now() + longest_without_progress);
    else
        finish();
}

/// Whether the peer has taken anything since this was last asked.
bool retirement::progressed() noexcept
{
    const std::size_t unsent = std::exchange(unsent_, bytes_->unsent());
    const std::uint64_t delivered = std::exchange(delivered_, bytes_->delivered());
    return unsent != unsent_ || delivered != delivered_;
}

void retirement::set_timer(std::chrono::steady_clock::time_point when) noexcept
{
    loop::current().timers().set(*this, when);
}

/// The end included, where there is to be one.
bool retirement::has_sent_all() const noexcept
{
    return how_ == closing::in_order ? bytes_->ended() : bytes_->unsent() == 0;
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

void retirement::give_up() noexcept
{
    if (lingering_)
        bytes_->reset_on_close();
    delete this;
}

}  // namespace coil::net::internal
