// The part of a simulated ring that calls: its network for sockets, the system for what is the system's.
#include <coil/runtime/internal/simulated_ring.hpp>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coil::internal {
namespace {

constexpr std::uint64_t current_position = static_cast<std::uint64_t>(-1);

int outcome_of(long returned) noexcept
{
    return returned < 0 ? -errno : static_cast<int>(returned);
}

bool would_wait(int fd, short what) noexcept
{
    pollfd waiting{.fd = fd, .events = what, .revents = 0};
    return ::poll(&waiting, 1, 0) == 0;
}

int read_or_write(const request& wanted) noexcept
{
    void* memory = const_cast<void*>(wanted.address);
    const auto offset = static_cast<off_t>(wanted.offset);
    // Pipes and the like have no position; for them io_uring ignores it.
    const bool positioned = wanted.offset != current_position && ::lseek(wanted.fd, 0, SEEK_CUR) >= 0;
    if (wanted.code == opcode::read)
        return outcome_of(positioned ? ::pread(wanted.fd, memory, wanted.length, offset)
                                     : ::read(wanted.fd, memory, wanted.length));
    return outcome_of(positioned ? ::pwrite(wanted.fd, memory, wanted.length, offset)
                                 : ::write(wanted.fd, memory, wanted.length));
}

}  // namespace

void simulated_ring::call_system(pending& which)
{
    const request& wanted = which.wanted;
    const auto* path = static_cast<const char*>(wanted.address);
    switch (wanted.code) {
    case opcode::read:
    case opcode::write:
        if (!would_wait(wanted.fd, wanted.code == opcode::read ? POLLIN : POLLOUT))
            finish(which, read_or_write(wanted));
        break;
    case opcode::open:
        finish(which, outcome_of(::syscall(SYS_openat2, wanted.fd, path, wanted.offset, sizeof(open_how))));
        break;
    case opcode::status:
        finish(which, outcome_of(::statx(wanted.fd, path, static_cast<int>(wanted.option), STATX_BASIC_STATS,
                                         reinterpret_cast<struct statx*>(wanted.offset))));
        break;
    case opcode::synchronize: finish(which, outcome_of(::fsync(wanted.fd))); break;
    case opcode::poll:
        if (!would_wait(wanted.fd, static_cast<short>(wanted.option)))
            finish(which, static_cast<int>(wanted.option));
        break;
    case opcode::close: finish(which, outcome_of(::close(wanted.fd))); break;
    default: finish(which, -ENOTSOCK); break;
    }
}

/// Lets the requests that wait for the system try again. @return whether one of them ended.
bool simulated_ring::poll_system()
{
    std::vector<std::pair<std::uint64_t, std::uint64_t>> waiting;
    for (const auto& [user_data, each] : pending_)
        if (!each.file && !each.on_agenda)
            waiting.emplace_back(user_data, each.serial);
    const std::size_t before = pending_.size();
    for (const auto& [user_data, serial] : waiting)
        attempt_now(user_data, serial);
    return pending_.size() < before;
}

int simulated_ring::socket(int family) noexcept
{
    const int made = network_.socket(family);
    world_.note("socket", {family, made});
    return made;
}

int simulated_ring::bind(int fd, const sockaddr* where, socklen_t size) noexcept
{
    const auto place = simulated_place::from_system(where, size);
    const int outcome = place ? network_.find(fd, "bind")->bind(*place) : -EINVAL;
    world_.note("bind", {fd, outcome});
    return outcome;
}

int simulated_ring::listen(int fd, int backlog) noexcept
{
    const int outcome = network_.find(fd, "listen")->listen(backlog);
    world_.note("listen", {fd, outcome});
    return outcome;
}

int simulated_ring::accept_now(int fd) noexcept
{
    const int outcome = network_.find(fd, "accept")->accept_now();
    world_.note("accept now", {fd, outcome});
    return outcome;
}

int simulated_ring::local_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept
{
    return network_.find(fd, "getsockname")->local_address(found, size);
}

int simulated_ring::remote_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept
{
    return network_.find(fd, "getpeername")->remote_address(found, size);
}

int simulated_ring::set_option(int fd, int level, int name, const void* value, socklen_t size) noexcept
{
    if (!simulated_network::owns(fd))
        return outcome_of(::setsockopt(fd, level, name, value, size));
    return network_.find(fd, "setsockopt")->set_option(level, name, value, size);
}

int simulated_ring::get_option(int fd, int level, int name, void* value, socklen_t& size) noexcept
{
    if (!simulated_network::owns(fd))
        return outcome_of(::getsockopt(fd, level, name, value, &size));
    return network_.find(fd, "getsockopt")->get_option(level, name, value, size);
}

void simulated_ring::close(int fd) noexcept
{
    // As the kernel's ring does: a request on it that still waits belongs to what is closed here.
    if (std::any_of(queued_.begin(), queued_.end(), [fd](const request& each) { return each.fd == fd; }))
        hand_over();
    if (simulated_network::owns(fd))
        network_.close(fd);
    else
        ::close(fd);
}

void simulated_ring::stop_listening(int fd) noexcept
{
    world_.note("stop listening", {fd});
    network_.find(fd, "shutdown")->stop_listening();
}

path_identity simulated_ring::identify_path(const char* path) noexcept
{
    return network_.identify_path(path);
}

int simulated_ring::remove_path(const char* path) noexcept
{
    return network_.remove_path(path);
}

}  // namespace coil::internal
