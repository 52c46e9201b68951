#pragma once

#include <coil/net/internal/stream_core.hpp>
#include <coil/net/internal/transport.hpp>

#include <memory>

namespace coil::net::internal {

/// The inside of a plain socket: a transport, and nothing between it and the reader and writer.
class plain_core final : public stream_core, private transport_observer {
public:
    plain_core() noexcept = default;

    /// @param bytes  must not be null; only where there is none yet.
    void connect(std::unique_ptr<transport> bytes) noexcept;
    /// Null before it is connected.
    transport* bytes() const noexcept { return bytes_.get(); }
    /// Says why there is none.
    void fail(std::shared_ptr<const error_info> why) noexcept { connect_failure_ = std::move(why); }
    /// What has failed first, of connecting, receiving and sending; empty where nothing has.
    error_info failure() const;
    /// Takes the transport out, with what it has received; nobody may be waiting.
    std::unique_ptr<transport> release() noexcept;

    result<std::size_t> take(std::span<std::byte> buffer) noexcept override;
    result<bool> has_input() noexcept override;
    void want_input() noexcept override { bytes_->want_bytes(); }
    result<std::size_t> put(std::span<const std::span<const std::byte>> pieces, std::size_t skip) noexcept override;
    void want_output() noexcept override { bytes_->want_sent(); }
    std::size_t unsent() const noexcept override { return bytes_ ? bytes_->unsent() : 0; }
    std::error_code send_error() const noexcept override;
    bool ended() const noexcept override { return bytes_ && bytes_->ended(); }

private:
    void end() noexcept override;
    void give_up(closing how) noexcept override;
    void on_received() noexcept override { wake_reader(); }
    void on_sent() noexcept override { wake_writer(); }
    bool awaits_sending() const noexcept override { return has_writer(); }

    std::unique_ptr<transport> bytes_;
    std::shared_ptr<const error_info> connect_failure_;
};

/// Copies what `pieces` hold behind the first `skip` bytes to the end of `queue`, until that has `limit` bytes.
/// @return how many were copied.
std::size_t append_pieces(chunk_queue& queue, std::span<const std::span<const std::byte>> pieces, std::size_t skip,
                          std::size_t limit);

}  // namespace coil::net::internal
