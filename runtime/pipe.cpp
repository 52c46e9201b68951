#include <coil/runtime/pipe.hpp>

#include <coil/runtime/internal/ring/descriptors.hpp>

#include <cerrno>

namespace coil {

result<pipe_ends> create_pipe()
{
    const auto ends = internal::open_pipe();
    if (!ends)
        return error_from_errno(errno);
    return pipe_ends{file((*ends)[0]), file((*ends)[1])};
}

}  // namespace coil
