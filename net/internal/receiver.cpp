#include <coil/net/internal/receiver.hpp>

#include <coil/runtime/error.hpp>
#include <coil/runtime/loop.hpp>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>

namespace coil::net::internal {

using coil::internal::completion;
using coil::internal::opcode;
using coil::internal::operation_memory;
using coil::internal::request;

namespace {

/// Unread bytes after which receiving stops until somebody reads.
constexpr std::size_t receive_allowance = 64 * 1024;
/// Full buffers in a row after which a connection is taken for a bulk transfer.
constexpr unsigned bulk_after = 8;
/// A single receive that brings fewer bytes ends the bulk transfer.
constexpr std::size_t bulk_at_least = 16 * 1024;
/// So does one that brings nothing for this long, or for twice as long.
constexpr std::chrono::milliseconds longest_bulk_pause{50};
/// Chunks that hold what a peek may ask for, 128 KiB, where two in a row hold more than a small one has room for.
constexpr std::size_t most_runs = 160;

}  // namespace

/// The memory of a single receive.
struct receiver::received_chunk final : operation_memory {
    explicit received_chunk(std::size_t size) : piece(chunk::allocate(size)) {}
    ~received_chunk() override
    {
        if (piece)
            piece->release();
    }

    chunk* piece;
};

std::span<const std::byte> receiver::bytes_of(const lent_buffer& lent) const noexcept
{
    return {loop::current().ring().buffer(lent.id) + lent.begin, static_cast<std::size_t>(lent.end - lent.begin)};
}

std::span<const std::byte> receiver::received() const noexcept
{
    return lent_count_ == 0 ? copied_.front() : bytes_of(lent_[lent_first_]);
}

std::size_t receiver::peek(std::span<std::byte> into) const noexcept
{
    std::size_t filled = 0;
    const auto take = [&](std::span<const std::byte> run) {
        const std::size_t size = std::min(run.size(), into.size() - filled);
        std::copy_n(run.begin(), size, into.begin() + static_cast<std::ptrdiff_t>(filled));
        filled += size;
    };
    for (std::size_t i = 0; i < lent_count_; ++i)
        take(bytes_of(lent_[(lent_first_ + i) % most_lent]));
    std::array<std::span<const std::byte>, most_runs> runs;
    const std::size_t count = copied_.gather(runs);
    for (std::size_t i = 0; i < count; ++i)
        take(runs[i]);
    return filled;
}

void receiver::consume(std::size_t bytes) noexcept
{
    unread_ -= bytes;
    while (lent_count_ > 0 && bytes > 0) {
        lent_buffer& first = lent_[lent_first_];
        const std::size_t here = std::min<std::size_t>(bytes, first.end - first.begin);
        first.begin = static_cast<std::uint16_t>(first.begin + here);
        bytes -= here;
        if (first.begin < first.end)
            return;
        loop::current().ring().return_buffer(first.id);
        lent_first_ = (lent_first_ + 1) % most_lent;
        --lent_count_;
    }
    copied_.consume(bytes);
}

void receiver::return_buffers() noexcept
{
    loop* home = loop::current_or_null();
    if (lent_count_ == 0 || !home)
        return;
    coil::internal::ring& ring = home->ring();
    for (; lent_count_ > 0; --lent_count_) {
        ring.return_buffer(lent_[lent_first_].id);
        lent_first_ = (lent_first_ + 1) % most_lent;
    }
}

void receiver::lose_loop() noexcept
{
    receiving_.abandon();
    return_buffers();
    copied_.clear();
    unread_ = 0;
    error_ = errc::destroyed;
}

void receiver::want_bytes() noexcept
{
    assert(!error_);
    wanted_ = true;
    if (!receiving_.pending())
        arm();
}

void receiver::arm() noexcept
{
    if (bulk_ || starved_ || !loop::current().capabilities().provided_buffers) {
        rearm_reason_ = bulk_ ? rearm_reason::bulk : rearm_reason_;
        arm_single();
        return;
    }
    const request wanted{.code = opcode::receive_provided, .fd = socket_};
    if (std::exchange(was_armed_, true))
        receiving_.restart(wanted, *this, std::exchange(rearm_reason_, rearm_reason::ended));
    else
        receiving_.start(wanted, *this);
}

void receiver::arm_single() noexcept
{
    starved_ = false;
    if (bulk_ && !set()) {
        quiet_ = true;
        loop::current().timers().set(*this, loop::current().now() + longest_bulk_pause);
    }
    auto memory = std::make_unique<received_chunk>(bulk_ ? chunk::large_size : chunk::small_size - sizeof(chunk));
    const std::span<std::byte> room = memory->piece->room();
    const request wanted{.code = opcode::receive,
                         .fd = socket_,
                         .address = room.data(),
                         .length = static_cast<std::uint32_t>(room.size())};
    receiving_.start(wanted, *this, std::move(memory));
}

void receiver::expire() noexcept
{
    if (!bulk_)
        return;
    if (!std::exchange(quiet_, true)) {
        loop::current().timers().set(*this, loop::current().now() + longest_bulk_pause);
        return;
    }
    bulk_ = false;
    receiving_.cancel();  // it is armed again, without memory of its own
}

void receiver::complete(const completion& what, operation_memory* memory) noexcept
{
    quiet_ = false;
    if (what.result > 0) {
        const auto size = static_cast<std::size_t>(what.result);
        if (what.has_buffer) {
            store(what);
        } else {
            auto& single = static_cast<received_chunk&>(*memory);
            single.piece->fill(size);
            chunk_queue brought;
            brought.append(std::exchange(single.piece, nullptr));
            copied_.append(std::move(brought));  // few bytes go into the chunk before, and hold none of their own
        }
        unread_ += size;
        note_size(size, what.has_buffer);
    } else if (what.result == 0) {
        // The kernel tells of a reset once; where a send was told, the receive gets what looks like an orderly end.
        error_ = sender_.met_reset() ? errc::reset : errc::end_of_stream;
    } else if (what.result == -ENOBUFS) {
        starved_ = true;
        rearm_reason_ = rearm_reason::no_buffer;
        ++loop::current().counts().buffer_shortages;
    } else if (what.result != -ECANCELED) {
        error_ = error_from_errno(-what.result);
    }

    if (what.more && (bulk_ || unread_ >= receive_allowance)) {
        rearm_reason_ = bulk_ ? rearm_reason::bulk : rearm_reason::back_pressure;
        receiving_.cancel();
    }
    if (!wanted_)
        return;
    if (what.result > 0 || error_) {
        wanted_ = false;
        if (observer_)
            observer_->on_received();
    } else if (!what.more) {
        arm();
    }
}

void receiver::store(const completion& what) noexcept
{
    coil::internal::ring& ring = loop::current().ring();
    // A buffer that nobody is about to read must not be missing elsewhere.
    const bool scarce = !wanted_ && ring.buffers_lent() > loop::current().capabilities().receive_buffers / 2;
    if (copied_.empty() && lent_count_ < most_lent && !scarce) {
        const auto end = static_cast<std::uint16_t>(what.result);
        lent_[(lent_first_ + lent_count_) % most_lent] = {what.buffer, 0, end};
        ++lent_count_;
        return;
    }
    copied_.append(std::span<const std::byte>(ring.buffer(what.buffer), static_cast<std::size_t>(what.result)));
    ring.return_buffer(what.buffer);
}

void receiver::note_size(std::size_t size, bool lent) noexcept
{
    if (bulk_) {
        bulk_ = lent || size >= bulk_at_least;  // the last buffers of the multishot receive say nothing
        return;
    }
    if (size < loop::current().ring().buffer_size()) {
        full_in_a_row_ = 0;
        return;
    }
    if (++full_in_a_row_ == bulk_after) {
        full_in_a_row_ = 0;
        bulk_ = true;
    }
}

}  // namespace coil::net::internal
