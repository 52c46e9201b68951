#pragma once

#include <coil/runtime/internal/ring/ring.hpp>
#include <coil/runtime/internal/ring/worker_pool.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <system_error>

#include <sys/epoll.h>
#include <sys/socket.h>

namespace coil::internal {

/// What a descriptor takes to be read and written without waiting.
enum class descriptor_kind : std::uint8_t {
    socket,
    stream,  ///< A pipe, a terminal, an eventfd …: ready or not.
    stored,  ///< A file on a disk: never ready or not, but it may take its time.
};

/// What a ring on epoll has the kernel do: calls that do not wait, and the wait until descriptors are ready. Of one ring.
///
/// A failure is minus an errno; -EAGAIN where a call would have waited.
class nonblocking_system {
public:
    nonblocking_system() = default;
    nonblocking_system(const nonblocking_system&) = delete;
    nonblocking_system& operator=(const nonblocking_system&) = delete;
    virtual ~nonblocking_system() = default;

    virtual std::chrono::steady_clock::time_point now() const noexcept = 0;

    /// Each time when `fd` gets ready for one of `events`, and now if it is, there will be an event with this tag: once, and
    /// several times may make one event. Ends, errors and urgent data are always told.
    /// @return 0; -EPERM for what is always ready.
    virtual int watch(int fd, std::uint32_t events, std::uint64_t tag) noexcept = 0;
    /// The same for what is watched. @return -ENOENT where the number names another file by now, which is not.
    virtual int watch_again(int fd, std::uint32_t events, std::uint64_t tag) noexcept = 0;
    /// Waits for events. One of a file that another process keeps open may come after `fd` was closed.
    /// @param wait  none: as long as it takes; zero: not at all.
    /// @return how many were put into `events`; -EINTR where the wait ended for another reason.
    virtual int wait(std::span<epoll_event> events, std::optional<std::chrono::nanoseconds> wait) = 0;
    /// Whether `wait` would bring some.
    virtual bool has_events() const noexcept = 0;

    /// As the system calls of these names.
    /// @{
    virtual int receive(int fd, void* memory, std::size_t size) noexcept = 0;
    virtual int send(int fd, const void* bytes, std::size_t size, int flags) noexcept = 0;
    virtual int send_message(int fd, const msghdr& message, int flags) noexcept = 0;
    virtual int accept(int fd) noexcept = 0;
    /// -EINPROGRESS each time, until the connection is made or refused. -EAGAIN: a Unix socket whose backlog is full.
    virtual int connect(int fd, const sockaddr* where, socklen_t size) noexcept = 0;
    /// @return the events that there are, of those that are asked for, or'ed.
    virtual int poll(int fd, std::uint32_t events) noexcept = 0;
    virtual int shut_down(int fd, int how) noexcept = 0;
    virtual int close(int fd) noexcept = 0;
    /// @}

    /// `read` or `write` of a socket or a stream; -EOPNOTSUPP where there is no such call for this file.
    virtual int transfer(const request& wanted, descriptor_kind kind) noexcept = 0;
    /// `read` or `write`, of which the descriptor says whether it waits.
    virtual int transfer_plainly(const request& wanted, int fd) noexcept = 0;
    /// A descriptor of the same file of which no call waits; -1 where there can be none.
    virtual int private_description(int fd) = 0;
    virtual void forget_private_description(int fd) noexcept = 0;

    /// @return a `descriptor_kind`.
    virtual int kind_of(int fd) noexcept = 0;
    virtual bool is_nonblocking(int fd) noexcept = 0;
    /// @return whether that was a change.
    virtual bool set_nonblocking(int fd, bool on) noexcept = 0;
    virtual bool is_listening(int fd) noexcept = 0;
    /// Whether a read that brings less than it could has taken all there was. Others than TCP also end a read where a message
    /// ends, or what came with it.
    virtual bool is_tcp(int fd) noexcept = 0;

    /// Has a call that may block made elsewhere. @return why not; the job is then still the caller's.
    [[nodiscard]] virtual std::error_code run(job& call) = 0;
};

/// Throws: `std::system_error` where there is no descriptor left.
std::unique_ptr<nonblocking_system> make_kernel_nonblocking_system();

}  // namespace coil::internal
