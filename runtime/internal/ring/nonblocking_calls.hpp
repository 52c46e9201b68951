#pragma once

#include <coil/runtime/internal/ring/ring.hpp>

#include <cstddef>
#include <cstdint>

namespace coil::internal {

/// What a kind of file takes to be read and written without waiting.
enum class channel_kind : std::uint8_t {
    socket,
    stream,  ///< A pipe, a terminal, an eventfd …: ready or not.
    stored,  ///< A file on a disk: never ready or not, but it may take its time.
};

// Each makes a system call that does not wait. A failure is minus an errno; -EAGAIN where it would have waited.

int receive_now(int fd, void* memory, std::size_t size) noexcept;

/// Of `send` and `send_message`. With MSG_WAITALL it goes on until all is sent.
/// @param done  bytes that were sent before; what is sent now is added.
/// @return the bytes sent in all, where that is the end of it: all of them, or a part before a failure, or before the lack of
///         room where the request does not wait for any. -EAGAIN: there is more, for which there was no room.
int send_now(const request& wanted, std::uint32_t& done) noexcept;

/// From a listening socket none of whose calls wait, if it is one.
int accept_one_now(int fd) noexcept;

/// As often as it takes: while the connection is being made, -EINPROGRESS. -EAGAIN: a Unix socket whose backlog is full.
int connect_now(const request& wanted) noexcept;

/// The events that there are, of those that are asked for, or'ed.
int poll_now(int fd, std::uint32_t events) noexcept;

/// `read` and `write` of a socket or a stream; -EOPNOTSUPP where there is no such call for this file.
int transfer_now(const request& wanted, channel_kind kind) noexcept;

/// `read` or `write`, of which a descriptor says whether it waits.
int transfer_plainly(const request& wanted, int fd) noexcept;

/// Whether no call on it waits.
bool is_nonblocking(int fd) noexcept;
/// @return whether that was a change.
bool set_nonblocking(int fd, bool on) noexcept;
bool is_listening(int fd) noexcept;

}  // namespace coil::internal
