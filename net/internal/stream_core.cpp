#include <coil/net/internal/stream_core.hpp>

#include <coil/runtime/internal/chunk.hpp>
#include <coil/runtime/loop.hpp>

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

bool stream_wait::await_ready() noexcept
{
    if (!core_)
        finish(errc::destroyed);
    else if (!core_->thread_.is_here())
        return false;  // `begin` stops the program, and can say who awaits
    else if (core_->*place_)
        finish(errc::already_in_progress);
    else
        return attempt();
    return true;
}

bool stream_wait::begin(std::coroutine_handle<> awaiting, stop_token token) noexcept
{
    core_->thread_.check();
    if (token.stop_requested()) {
        finish(errc::canceled);
        return false;
    }
    token_ = token;
    wait_with(awaiting, token);
    core_->*place_ = this;
    return true;
}

void stream_wait::detach() noexcept
{
    if (core_ && core_->*place_ == this)
        core_->*place_ = nullptr;
}

void stream_wait::wake() noexcept
{
    if (!linked())
        loop::current().enqueue(*this);
}

void stream_wait::lose_stream() noexcept
{
    core_ = nullptr;
    wake();
}

void stream_wait::run() noexcept
{
    if (!core_) {
        finish(errc::destroyed);
    } else if (!attempt()) {
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
    if (reader_)
        reader_->lose_stream();
    if (writer_)
        writer_->lose_stream();
    if (opener_)
        opener_->lose_stream();
    while (!references_.empty())
        references_.pop_front().lose_stream();
}

core_reference::core_reference(stream_core& to, stop_token outer) noexcept : core_(&to), stop_(outer)
{
    to.references_.push_back(*this);
}

void core_reference::lose_stream() noexcept
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

bool open_wait::attempt() noexcept
{
    const result<bool> open = core_->open();
    if (!open)
        finish(open.error());
    return !open || *open;
}

bool drain_wait::attempt() noexcept
{
    if (end_)
        core_->end();
    if (const std::error_code error = core_->send_error()) {
        finish(error);
        return true;
    }
    const bool over = end_ ? core_->ended() : core_->unsent() == 0;
    if (!over)
        core_->want_output();
    return over;
}

}  // namespace coil::net::internal
