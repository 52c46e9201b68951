#pragma once

#include <coil/runtime/internal/ring/bell.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

#include <sys/socket.h>

namespace coil::internal {

/// Which file a path named at some time; none of the default value. A path may name another file later.
struct path_identity {
    std::uint64_t device = 0;
    std::uint64_t number = 0;

    bool operator==(const path_identity&) const = default;
};

/// The other half of the seam between a loop and the kernel: what is done at once and needs no completion.
///
/// A failure is minus an errno. Descriptors lie above the standard numbers.
class system {
public:
    using time_point = std::chrono::steady_clock::time_point;

    virtual ~system() = default;

    /// The time that timers go by.
    virtual time_point now() const noexcept = 0;
    /// Whether blocking calls go to other threads. Where not, they run in place: a simulation is the same each time.
    virtual bool has_threads() const noexcept = 0;

    /// As the system calls of these names.
    /// @{
    virtual int socket(int family) noexcept = 0;
    virtual int bind(int fd, const sockaddr* where, socklen_t size) noexcept = 0;
    virtual int listen(int fd, int backlog) noexcept = 0;
    /// Takes a connection that has come already; -EAGAIN where there is none.
    virtual int accept_now(int fd) noexcept = 0;
    virtual int local_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept = 0;
    virtual int remote_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept = 0;
    virtual int set_option(int fd, int level, int name, const void* value, socklen_t size) noexcept = 0;
    virtual int get_option(int fd, int level, int name, void* value, socklen_t& size) noexcept = 0;
    /// Of a descriptor that no ring knows of; `loop::close` is for the others.
    virtual void close(int fd) noexcept = 0;
    /// @}

    /// Makes a listening socket refuse connections, and frees its port, although an accept may still hold it open.
    virtual void stop_listening(int fd) noexcept = 0;
    /// What the path of a Unix socket names now.
    virtual path_identity identify_path(const char* path) noexcept = 0;
    /// unlink, of a Unix socket.
    virtual int remove_path(const char* path) noexcept = 0;
    /// Throws: `std::system_error` when there is no descriptor left.
    virtual std::unique_ptr<bell> make_bell() = 0;
    /// A descriptor that does nothing, to be closed when one is needed and there is none left.
    virtual int open_spare() noexcept = 0;
};

/// The system that this process runs on.
system& kernel_system() noexcept;

}  // namespace coil::internal
