#include <coil/net/internal/plain_core.hpp>

#include <coil/net/internal/failure.hpp>
#include <coil/net/internal/retirement.hpp>
#include <coil/runtime/internal/copy.hpp>

#include <algorithm>
#include <cerrno>

namespace coil::net::internal {

void plain_core::give_up(closing how) noexcept
{
    if (bytes_)
        retirement::begin(std::move(bytes_), how);
}

void plain_core::connect(std::unique_ptr<transport> bytes) noexcept
{
    bytes_ = std::move(bytes);
    bytes_->observe(this);
    end_if_asked();
}

error_info plain_core::failure() const
{
    if (!bytes_)
        return connect_failure_ ? *connect_failure_ : error_info();
    const std::error_code receiving = bytes_->receive_error();
    if (receiving && receiving != errc::end_of_stream)
        return stream_failure(receiving, "read");
    if (const std::error_code sending = bytes_->send_error())
        return stream_failure(sending, "write");
    return {};
}

std::unique_ptr<transport> plain_core::release() noexcept
{
    if (bytes_)
        bytes_->observe(nullptr);
    return std::move(bytes_);
}

result<std::size_t> plain_core::take(std::span<std::byte> buffer) noexcept
{
    if (!bytes_)
        return error_from_errno(ENOTCONN);
    std::size_t taken = 0;
    while (taken < buffer.size()) {
        const std::span<const std::byte> run = bytes_->received();
        if (run.empty())
            break;
        const std::size_t size = std::min(run.size(), buffer.size() - taken);
        coil::internal::copy_bytes(buffer.data() + taken, run.data(), size);
        bytes_->consume(size);
        taken += size;
    }
    if (taken == 0)
        if (const std::error_code error = bytes_->receive_error())
            return end_of_input(error);
    return taken;
}

result<bool> plain_core::has_input() noexcept
{
    if (!bytes_)
        return error_from_errno(ENOTCONN);
    return !bytes_->received().empty() || bytes_->receive_error();
}

result<std::size_t> plain_core::put(std::span<const std::span<const std::byte>> pieces, std::size_t skip) noexcept
{
    if (const std::error_code error = send_error())
        return error;
    const std::size_t queued = bytes_->unsent();
    const std::size_t limit = write_limit();
    if (queued >= limit)
        return std::size_t{0};
    chunk_queue copies = bytes_->take_back();
    const std::size_t size = append_pieces(copies, pieces, skip, limit - queued);
    bytes_->send(std::move(copies));
    return size;
}

std::error_code plain_core::send_error() const noexcept
{
    return bytes_ ? bytes_->send_error() : error_from_errno(ENOTCONN);
}

void plain_core::end() noexcept
{
    if (bytes_)
        bytes_->end();
}

std::size_t append_pieces(chunk_queue& queue, std::span<const std::span<const std::byte>> pieces, std::size_t skip,
                          std::size_t limit)
{
    const std::size_t before = queue.size();
    for (std::span<const std::byte> piece : pieces) {
        const std::size_t skipped = std::min(skip, piece.size());
        skip -= skipped;
        piece = piece.subspan(skipped);
        const std::size_t room = limit - (queue.size() - before);
        queue.append(piece.first(std::min(piece.size(), room)));
    }
    return queue.size() - before;
}

}  // namespace coil::net::internal
