#pragma once

#include <coil/runtime/internal/ring/nonblocking_system.hpp>

#include <cstddef>
#include <cstdint>

#include <sys/socket.h>

namespace coil::internal {

// The system calls behind `nonblocking_system`, which says what each does. None ends because of a signal.

int receive_now(int fd, void* memory, std::size_t size) noexcept;
int send_now(int fd, const void* bytes, std::size_t size, int flags) noexcept;
int send_message_now(int fd, const msghdr& message, int flags) noexcept;
/// From a listening socket none of whose calls wait, if it is one.
int accept_one_now(int fd) noexcept;
int connect_now(int fd, const sockaddr* where, socklen_t size) noexcept;
int poll_now(int fd, std::uint32_t events) noexcept;
int transfer_now(const request& wanted, descriptor_kind kind) noexcept;
int transfer_plainly_now(const request& wanted, int fd) noexcept;

int kind_of_descriptor(int fd) noexcept;
bool never_waits(int fd) noexcept;
bool set_never_waits(int fd, bool on) noexcept;
bool is_listening_socket(int fd) noexcept;
bool is_tcp_socket(int fd) noexcept;

}  // namespace coil::internal
