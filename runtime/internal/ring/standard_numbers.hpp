#pragma once

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace coil::internal {

/// Where a program was started with standard input, output or error closed, the next descriptor gets its number, and whoever
/// then reads or prints meets that. So what coil opens moves above them.
/// @param descriptor  of a new file, closed on exec; as a system call gives it.
/// @return the same file above 2; -1, with errno, for -1 and where there is no number left.
inline int above_standard_numbers(int descriptor) noexcept
{
    if (descriptor < 0 || descriptor > STDERR_FILENO) [[likely]]
        return descriptor;
    const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int cause = errno;
    ::close(descriptor);
    errno = cause;
    return moved;
}

}  // namespace coil::internal
