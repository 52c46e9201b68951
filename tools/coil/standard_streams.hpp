#pragma once

#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>
#include <coil/tls/socket.hpp>

namespace coil::command {

/// Pipes standard input to `socket` and `socket` to standard output, until the peer ends.
/// @param keep_open  do not end the sending side when standard input does.
/// Errors: what ended the connection out of order, or kept standard output from taking its bytes.
task<result<>> pipe_standard_streams(tls::socket& socket, bool keep_open);

}  // namespace coil::command
