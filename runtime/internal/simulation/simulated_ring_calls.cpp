// The requests of a simulated ring that are not for a socket of its network: mostly the system carries them out.
#include <coil/runtime/internal/simulation/simulated_ring.hpp>

#include <cerrno>
#include <cstring>

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

/// A read of a bell.
void simulated_ring::hear(pending& which)
{
    const std::shared_ptr<simulated_bell::state> rung = network_.find_bell(which.wanted.fd);
    const std::uint64_t count = rung ? rung->rung.exchange(0) : 0;
    if (count == 0)
        return;
    std::memcpy(const_cast<void*>(which.wanted.address), &count, sizeof count);
    finish(which, sizeof count);
}

void simulated_ring::call_system(pending& which)
{
    const request& wanted = which.wanted;
    if (simulated_network::owns(wanted.fd)) {
        hear(which);
        return;
    }
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

}  // namespace coil::internal
