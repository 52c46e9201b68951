#include <coil/runtime/internal/ring/private_descriptions.hpp>

#include <coil/runtime/internal/ring/standard_numbers.hpp>

#include <array>
#include <cstdio>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace coil::internal {
namespace {

int open_again(int fd) noexcept
{
    unsigned number = 0;
    if (::ioctl(fd, TIOCGPTN, &number) == 0)
        return -1;  // to open the master of a terminal is to make another terminal
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0)
        return -1;
    std::array<char, 32> path{};
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
    return above_standard_numbers(::open(path.data(), (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace

private_descriptions::~private_descriptions()
{
    for (const auto& [fd, each] : opened_)
        if (each.descriptor >= 0)
            ::close(each.descriptor);
}

int private_descriptions::of(int fd)
{
    struct stat status{};
    if (::fstat(fd, &status) != 0)
        return -1;
    if (!S_ISCHR(status.st_mode) && !S_ISFIFO(status.st_mode))
        return -1;
    const auto found = opened_.find(fd);
    if (found != opened_.end() && found->second.device == status.st_dev && found->second.number == status.st_ino)
        return found->second.descriptor;
    forget(fd);  // of another file
    const int made = open_again(fd);
    opened_.emplace(fd, opened{.descriptor = made, .device = status.st_dev, .number = status.st_ino});
    return made;
}

void private_descriptions::forget(int fd) noexcept
{
    const auto found = opened_.find(fd);
    if (found == opened_.end())
        return;
    if (found->second.descriptor >= 0)
        ::close(found->second.descriptor);
    opened_.erase(found);
}

}  // namespace coil::internal
