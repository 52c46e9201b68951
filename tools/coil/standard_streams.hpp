#pragma once

#include <coil/runtime/task.hpp>
#include <coil/tls/socket.hpp>

#include <cstdint>
#include <system_error>

namespace coil::command {

/// How standard input is sent.
struct input_options {
    bool crlf = false;        ///< Send each line end as CR LF.
    bool half_close = false;  ///< End the sending side when standard input ends, while the peer still sends.
};

/// What came of piping; each of the three sides can fail.
struct pipe_outcome {
    std::error_code connection;
    std::error_code input;
    std::error_code output;
    /// Bytes of standard input that were taken and did not get to the connection.
    std::uint64_t unsent = 0;
    /// Whether standard input was read to its end; otherwise there may be more that was not sent.
    bool input_ended = false;

    bool failed() const noexcept { return connection || input || output || unsent > 0; }
};

/// Pipes standard input to `socket` and `socket` to standard output, until the peer ends.
///
/// A peer that ends at TLS 1.3 ends its own side only, so the rest of standard input is still sent, except from a terminal,
/// where the person would have to end it too. The connection is ended in order where nothing failed; it is destroyed
/// otherwise.
task<pipe_outcome> pipe_standard_streams(tls::socket& socket, input_options options);

}  // namespace coil::command
