#include <coil/net/internal/stream_core.hpp>

#include <coil/runtime/internal/chunk.hpp>
#include <coil/runtime/loop.hpp>

#include <algorithm>
#include <system_error>

namespace coil::net::internal {

namespace {

constexpr std::size_t most_queued = 128 * 1024;
constexpr std::size_t most_queued_of_many = 32 * 1024;
/// Large chunks in use, of all connections of the loop, from which on each gets the smaller share.
constexpr std::size_t chunks_of_many = 8;

}  // namespace

std::size_t write_limit() noexcept
{
    return coil::internal::large_chunks_in_use() < chunks_of_many ? most_queued : most_queued_of_many;
}

/// Whether it is this one's turn. One that has not begun to wait comes behind all that have.
bool stream_wait::may_try() const noexcept
{
    if (place_)
        return true;
    return core_->writers_.empty() || &core_->writers_.front() == this;
}

/// Tries, and holds on to the stream meanwhile: what runs within the attempt may destroy it.
bool stream_wait::try_now() noexcept
{
    const core_reference held(core_);
    if (attempt())
        return true;
    if (held.get())
        return false;
    core_ = nullptr;
    finish(errc::destroyed);
    return true;
}

bool stream_wait::await_ready() noexcept
{
    if (!core_) {
        finish(errc::destroyed);
        return true;
    }
    if (!core_->thread_.is_here())
        return false;  // `begin` stops the program, and can say who awaits
    bool over = true;
    if (place_ && core_->*place_)
        finish(errc::already_in_progress);
    else if (const std::error_code refused = place_ ? std::error_code() : enter_queue())
        finish(refused);
    else
        over = may_try() && try_now();
    if (over)
        core_ = nullptr;
    return over;
}

bool stream_wait::begin(std::coroutine_handle<> awaiting, stop_token token) noexcept
{
    core_->thread_.check();
    if (token.stop_requested()) {
        finish(errc::canceled);
        core_->write_given_up_ |= unfinished_;
        core_ = nullptr;
        return false;
    }
    token_ = token;
    wait_with(awaiting, token);
    if (place_)
        core_->*place_ = this;
    else
        core_->writers_.push_back(*this);
    return true;
}

void stream_wait::detach() noexcept
{
    if (!core_)
        return;
    stream_core& core = *std::exchange(core_, nullptr);
    if (place_) {
        if (core.*place_ == this)
            core.*place_ = nullptr;
        return;
    }
    if (!list_hook<stream_wait>::linked())
        return;
    list_hook<stream_wait>::unlink();
    core.write_given_up_ |= unfinished_;
    if (core.end_asked_ && unfinished_)
        core.cut_off_ = true;
    core.end_if_asked();
    core.wake_writer();
}

void stream_wait::note_whole() noexcept
{
    if (std::exchange(unfinished_, false))
        core_->write_given_up_ = false;
}

void stream_wait::wake() noexcept
{
    if (!ready_item::linked())
        loop::current().enqueue(*this);
}

void stream_wait::lose_stream() noexcept
{
    core_ = nullptr;
    list_hook<stream_wait>::unlink();
    wake();
}

void stream_wait::run() noexcept
{
    if (!core_) {
        finish(errc::destroyed);
    } else if (!may_try() || !try_now()) {
        if (!token_.stop_requested())
            return;
        finish(errc::canceled);
    }
    detach();
    forget_stop();
    awaiting_.resume();
}

stream_core::~stream_core()
{
    lose_waits();
}

void stream_core::close() noexcept
{
    closed_ = true;
    const bool whole = end_asked_ && !cut_off_ && std::none_of(writers_.begin(), writers_.end(), [](stream_wait& each) {
                           return each.unfinished_;
                       });
    give_up(whole ? closing::in_order : closing::abort);
    lose_waits();
}

void core_closer::operator()(stream_core* core) const noexcept
{
    core->close();
    if (--core->references_ == 0)
        delete core;
}

void stream_core::ask_end() noexcept
{
    end_asked_ = true;
    cut_off_ = false;
    end_if_asked();
}

void stream_core::end_if_asked() noexcept
{
    if (!end_asked_ || cut_off_)
        return;
    for (stream_wait& each : writers_)
        if (each.unfinished_)
            return;
    end();
}

void stream_core::lose_waits() noexcept
{
    if (reader_)
        std::exchange(reader_, nullptr)->lose_stream();
    while (!writers_.empty())
        writers_.front().lose_stream();
    if (opener_)
        std::exchange(opener_, nullptr)->lose_stream();
    while (!watches_.empty())
        watches_.pop_front().lose_stream();
}

core_watch::core_watch(stream_core& to, stop_token outer) noexcept : core_(&to), stop_(outer)
{
    to.watches_.push_back(*this);
}

void core_watch::lose_stream() noexcept
{
    core_ = nullptr;
    stop_.request_stop();
}

bool read_wait::attempt() noexcept
{
    if (buffer_.empty()) {
        finish(std::make_error_code(std::errc::invalid_argument));
        return true;
    }
    outcome_ = core_->take(buffer_);
    if (outcome_ && *outcome_ == 0) {
        core_->want_input();
        return false;
    }
    return true;
}

bool readable_wait::attempt() noexcept
{
    const result<bool> here = core_->has_input();
    if (!here)
        finish(here.error());
    else if (!*here)
        core_->want_input();
    return !here || *here;
}

bool write_wait::attempt() noexcept
{
    const std::span<const std::span<const std::byte>> pieces =
        pieces_.empty() ? std::span<const std::span<const std::byte>>(&single_, 1) : pieces_;
    while (written_ < total_) {
        const result<std::size_t> taken = core_->put(pieces, written_);
        if (!taken) {
            finish(taken.error());
            return true;
        }
        if (*taken == 0) {
            core_->want_output();
            return false;
        }
        written_ += *taken;
    }
    note_whole();
    if (core_->unsent() >= write_limit() && !core_->send_error()) {
        core_->want_output();
        return false;
    }
    outcome_ = written_;
    return true;
}

void write_wait::finish(std::error_code error) noexcept
{
    // What was queued will be sent; a caller that was stopped has to know how much that is.
    if (error == errc::canceled && written_ > 0)
        outcome_ = written_;
    else
        outcome_ = error;
}

std::error_code write_wait::enter_queue() noexcept
{
    return core_->end_asked() ? make_error_code(errc::write_after_end) : std::error_code();
}

bool open_wait::attempt() noexcept
{
    const result<bool> open = core_->open();
    if (!open)
        finish(open.error());
    return !open || *open;
}

std::error_code drain_wait::enter_queue() noexcept
{
    if (end_)
        core_->ask_end();
    return {};
}

bool drain_wait::attempt() noexcept
{
    stream_core& core = *core_;
    if (end_)
        core.end_if_asked();
    if (const std::error_code error = core.send_error()) {
        finish(error);
        return true;
    }
    if (end_ && core.cut_off()) {
        finish(errc::canceled);
        return true;
    }
    const bool over = end_ ? core.ended() : core.unsent() == 0;
    if (!over)
        core.want_output();
    return over;
}

}  // namespace coil::net::internal
