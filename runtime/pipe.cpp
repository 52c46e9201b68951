#include <coil/runtime/pipe.hpp>

#include <coil/runtime/internal/ring/standard_numbers.hpp>

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
    pipe_ends made{file(internal::above_standard_numbers(ends[0])), file(internal::above_standard_numbers(ends[1]))};
    if (made.read_end.descriptor() < 0 || made.write_end.descriptor() < 0)
        return error_from_errno(errno);
    return made;
}

}  // namespace coil
