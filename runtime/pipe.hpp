#pragma once

#include <coil/runtime/file.hpp>
#include <coil/runtime/result.hpp>

namespace coil {

/// Both ends of a pipe. What is written into one comes out of the other.
struct pipe_ends {
    file read_end;   ///< A read gives 0 when the other end is closed and nothing is left.
    file write_end;  ///< A write fails with EPIPE when the other end is closed, unless SIGPIPE ends the program first.
};

/// Makes a pipe. The ends are not passed on to programs that this one starts.
/// Errors: the system's (EMFILE).
result<pipe_ends> create_pipe();

}  // namespace coil
