#pragma once

#include <coil/net/address.hpp>
#include <coil/net/connect.hpp>
#include <coil/net/internal/stream_core.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace coil::net {

namespace internal {
class plain_core;
class transport;
}  // namespace internal

/// A TCP or Unix stream connection.
///
/// One read and one write may be in flight together, from any coroutines of the loop. Cancelling either leaves the
/// socket usable and loses no byte. A socket that goes out of scope is ended in order: what was written is still sent, in
/// the background and for a limited time; `destroy()` drops it instead. Awaiting needs a named socket: g++ 12 destroys the
/// options in `co_await connect({…}).connect()` twice, so that form does not compile.
/// Node: net.Socket.
class socket {
public:
    /// Takes over a connected stream socket.
    /// Throws: `std::system_error` if it is not one.   Node: the `fd` option.
    explicit socket(int descriptor);
    socket(socket&& other) noexcept;
    socket& operator=(socket&& other) noexcept;
    ~socket();

    /// Connects a socket that `net::connect` made.
    /// Errors: the system's (ECONNREFUSED, ENOENT, …), `errc::host_not_found`, `errc::lookup_failed`, `errc::canceled`. Where
    ///         several addresses were tried, that of the first; `info().errors` has all.
    /// Overlap: once.   Node: 'connect'.
    task<detailed_result<>> connect() &;

    /// Reads into `buffer`; completes as soon as there is at least one byte.
    /// @param buffer  not empty; owned by the caller; valid until the await completes.
    /// @return bytes read, 1 … buffer.size().
    /// Errors: `errc::end_of_stream`, `errc::reset`, `errc::canceled`, `errc::already_in_progress`, `errc::destroyed`.
    /// Node: 'data' and 'end'.
    internal::read_awaitable read(std::span<std::byte> buffer) & noexcept;

    /// Waits until a read need not wait, so that a connection holds no buffer while it is idle.
    /// Errors: `errc::canceled`, `errc::already_in_progress`, `errc::destroyed`. An end of the stream is told by the read
    ///         that follows.
    /// Overlap: as `read`.   Node: 'readable'.
    internal::readable_awaitable readable() & noexcept;

    /// Writes `bytes`; completes when they are queued and the queue is short enough to go on. They are copied.
    /// @return bytes.size(); fewer only if the wait was stopped midway.
    /// Errors: `errc::write_after_end`, `errc::reset`, the system's (EPIPE), `errc::canceled` with nothing written,
    ///         `errc::already_in_progress`. A failure to send is reported by the next write, `drained` or `end`.
    /// Node: write and 'drain'.
    internal::write_awaitable write(std::span<const std::byte> bytes) & noexcept;
    /// Writes all `pieces`, which stay valid until the await completes, as one.
    internal::gather_awaitable write(std::span<const std::span<const std::byte>> pieces) & noexcept;

    /// Waits until the kernel has taken everything that was written.
    internal::drain_awaitable drained() & noexcept;

    /// Ends the sending side behind what was written, and waits until that has left. Reading goes on.
    /// Errors: what kept the rest from leaving; `errc::canceled`: it leaves all the same.   Node: end.
    internal::drain_awaitable end() & noexcept;

    /// Closes at once; drops what was not sent. Waits on the socket end with `errc::destroyed`.   Node: destroy.
    void destroy() noexcept;
    /// The same with a TCP reset for the peer.   Node: resetAndDestroy.
    void reset_and_destroy() noexcept;

    /// Whether there is a connection.
    bool connected() const noexcept;
    /// None when there is no connection.   Node: address(), localAddress, localPort.
    std::optional<address> local_address() const;
    /// None when there is no connection.   Node: remoteAddress, remotePort.
    std::optional<address> remote_address() const;

    /// All that is known about the first failure of `connect`, of receiving or of sending; empty before one. What is awaited
    /// with an error that is no failure of the connection, such as `errc::canceled` or an end of the stream, leaves it empty.
    net::error_info error_info() const;

    /// Sends small writes at once.   Node: setNoDelay.
    result<> set_no_delay(bool on = true) noexcept;
    /// @param initial_delay  idle time before the first probe, in whole seconds; 0 leaves the system's value.
    /// Node: setKeepAlive.
    result<> set_keep_alive(bool on, std::chrono::seconds initial_delay = std::chrono::seconds(0)) noexcept;

    /// A socket without a name is not awaited.
    /// @{
    task<detailed_result<>> connect(internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    internal::read_awaitable read(std::span<std::byte>,
                                  internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    internal::readable_awaitable readable(internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    internal::write_awaitable write(std::span<const std::byte>,
                                    internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    internal::gather_awaitable write(std::span<const std::span<const std::byte>>,
                                     internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    internal::drain_awaitable drained(internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    internal::drain_awaitable end(internal::give_the_socket_a_name_before_you_await_it = {}) && = delete;
    /// @}

    /// For coil's own modules.
    /// @{

    explicit socket(std::unique_ptr<internal::transport> connected);
    /// The connection below, with what it has received; the socket is then destroyed.
    std::unique_ptr<internal::transport> release() noexcept;
    /// @}

private:
    friend socket connect(connect_options options);
    socket() noexcept;

    std::unique_ptr<internal::plain_core> core_;
    std::unique_ptr<connect_options> wanted_;
};

}  // namespace coil::net
