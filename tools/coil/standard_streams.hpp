#pragma once

#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>
#include <coil/tls/socket.hpp>

namespace coil::command {

/// How standard input is sent.
struct input_options {
    bool crlf = false;       ///< Send each line end as CR LF.
    bool keep_open = false;  ///< Do not end the sending side when standard input ends.
};

/// Pipes standard input to `socket` and `socket` to standard output, until the peer ends.
/// Errors: what ended the connection out of order, or kept standard output from taking its bytes.
task<result<>> pipe_standard_streams(tls::socket& socket, input_options options);

}  // namespace coil::command
