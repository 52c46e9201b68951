#include "tools/coil/standard_streams.hpp"

#include <coil/runtime/scope.hpp>
#include <coil/runtime/standard_stream.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace coil::command {
namespace {

constexpr std::size_t buffer_size = 64 * 1024;

/// @param after_cr  whether the byte before the first was a CR.
std::string with_crlf(std::span<const std::byte> bytes, bool after_cr)
{
    std::string lines;
    for (const std::byte each : bytes) {
        const char c = static_cast<char>(each);
        if (c == '\n' && !after_cr)
            lines += '\r';
        lines += c;
        after_cr = c == '\r';
    }
    return lines;
}

task<> send_input(tls::socket& socket, input_options options)
{
    standard_input input;
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    const std::span<std::byte> room(buffer.get(), buffer_size);
    std::string lines;
    for (;;) {
        const result<std::size_t> count = co_await input.read(room);
        if (count.error() == errc::canceled)
            co_return;  // the peer ended first
        if (!count)
            break;
        std::span<const std::byte> bytes = room.first(*count);
        if (options.crlf) {
            lines = with_crlf(bytes, lines.ends_with('\r'));
            bytes = std::as_bytes(std::span(lines));
        }
        const result<std::size_t> written = co_await socket.write(bytes);
        if (!written)
            co_return;  // reading tells why
    }
    if (!options.keep_open) {
        const result<> ended = co_await socket.end();
        if (!ended)
            co_return;
    }
}

task<result<>> receive_output(tls::socket& socket)
{
    standard_output output;
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    const std::span<std::byte> room(buffer.get(), buffer_size);
    for (;;) {
        const result<std::size_t> count = co_await socket.read(room);
        if (count.error() == errc::end_of_stream)
            co_return result<>();
        if (!count)
            co_return count.error();
        const result<std::size_t> written = co_await output.write(room.first(*count));
        if (!written)
            co_return written.error();
    }
}

}  // namespace

task<result<>> pipe_standard_streams(tls::socket& socket, input_options options)
{
    scope sending;
    sending.spawn(send_input(socket, options));
    const result<> outcome = co_await receive_output(socket);
    sending.request_stop();
    co_await sending.join();
    co_return outcome;
}

}  // namespace coil::command
