#include <coil/runtime/pipe.hpp>

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace coil {

result<pipe_ends> create_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return error_from_errno(errno);
    return pipe_ends{file(ends[0]), file(ends[1])};
}

}  // namespace coil
