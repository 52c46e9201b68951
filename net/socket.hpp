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

/// How a socket is made of a descriptor.
/// Node: options of new net.Socket.
struct socket_options {
    /// Stay open for writing when the peer has ended. Otherwise a read that reports the end ends this side too, behind what
    /// was written. Node: allowHalfOpen.
    bool allow_half_open = false;
};

/// A TCP or Unix stream connection.
///
/// Reads and writes may be in flight together, from any coroutines of the loop; writes queue, and the bytes of one lie
/// together. Cancelling any of them leaves the socket usable and loses no byte.
///
/// The peer sees an orderly end (FIN) if and only if this side said so: by `end()`, or by reading the peer's own end
/// without `allow_half_open` where no write was given up before. What was written then is still sent after the socket is
/// gone, as long as the peer takes some of it every half minute. A socket that goes without that, by its scope, a stop or
/// an exception, is cut off: what was written may still leave, and then the connection is reset. A Unix socket knows no
/// reset: its peer sees an end.
///
/// Awaiting needs a named socket: g++ 12 destroys the options in `co_await connect({…}).connect()` twice, so that form does
/// not compile. A socket may outlive its loop, and is of no use then.
/// Node: net.Socket, whose destroy sends a FIN.
class socket {
public:
    /// Takes over a connected stream socket.
    /// Throws: `std::system_error` if it is not one.   Node: the `fd` option.
    explicit socket(int descriptor, socket_options options = socket_options());
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
    ///         `errc::destroyed`. A failure to send is reported by the next write, `drained` or `end`.
    /// Overlap: any number; each begins when those before it are done.   Node: write and 'drain'.
    internal::write_awaitable write(std::span<const std::byte> bytes) & noexcept;
    /// Writes all `pieces`, which stay valid until the await completes, as one.
    internal::gather_awaitable write(std::span<const std::span<const std::byte>> pieces) & noexcept;

    /// Waits until the kernel has taken everything that was written.
    /// Overlap: queues with the writes.
    internal::drain_awaitable drained() & noexcept;

    /// Ends the sending side behind what was written and behind the writes that wait, and waits until that has left. Reading
    /// goes on.
    /// Errors: what kept the rest from leaving; `errc::canceled`: it leaves all the same, unless a write before it was given
    ///         up, which leaves nothing to be ended in order.
    /// Overlap: queues with the writes.   Node: end.
    internal::drain_awaitable end() & noexcept;

    /// Closes at once, with a reset unless the end has left; drops what was not sent. Waits on the socket end with
    /// `errc::destroyed`.   Node: destroy.
    void destroy() noexcept;
    /// The same with a reset in any case.   Node: resetAndDestroy.
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

    explicit socket(std::unique_ptr<internal::transport> connected, socket_options options = socket_options());
    /// The connection below, with what it has received; the socket is then destroyed.
    std::unique_ptr<internal::transport> release() noexcept;
    internal::core_reference core() const noexcept;
    /// @}

private:
    friend socket connect(connect_options options);
    socket();

    internal::core_owner<internal::plain_core> core_;
    std::unique_ptr<connect_options> wanted_;
};

}  // namespace coil::net
