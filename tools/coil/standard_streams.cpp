#include "tools/coil/standard_streams.hpp"

#include <coil/runtime/scope.hpp>
#include <coil/runtime/standard_stream.hpp>
#include <coil/runtime/timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <unistd.h>

namespace coil::command {
namespace {

constexpr std::size_t buffer_size = 64 * 1024;
constexpr std::chrono::seconds time_to_end(5);
constexpr std::chrono::milliseconds time_to_count(200);

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

/// Both directions of one connection.
class stream_pipe {
public:
    stream_pipe(tls::socket& socket, input_options options) : socket_(socket), options_(options) {}

    task<pipe_outcome> run();

private:
    task<> send_input();
    task<bool> send(std::span<const std::byte> bytes);
    task<> receive_output();
    task<> count_rest();
    task<> end();
    bool peer_takes_more() const;

    tls::socket& socket_;
    input_options options_;
    standard_input input_;
    standard_output output_;
    std::string lines_;  // with their ends replaced
    pipe_outcome outcome_;
    std::error_code sending_;  // what kept bytes from being sent
    bool peer_ended_ = false;
};

task<pipe_outcome> stream_pipe::run()
{
    scope sending;
    sending.spawn(send_input());
    co_await receive_output();
    if (!peer_takes_more())
        sending.request_stop();
    co_await sending.join();
    if (!outcome_.connection && outcome_.unsent > 0 && sending_ != errc::canceled)
        outcome_.connection = sending_;
    if (!outcome_.input && !outcome_.output && !outcome_.input_ended && ::isatty(STDIN_FILENO) == 0)
        co_await count_rest();
    if (outcome_.failed())
        socket_.destroy();
    else
        co_await end();
    co_return outcome_;
}

/// To a peer that ended at TLS 1.2 nothing may be sent any more.   RFC 5246 §7.2.1, RFC 8446 §6.1.
bool stream_pipe::peer_takes_more() const
{
    return peer_ended_ && !outcome_.output && socket_.get_protocol() == "TLSv1.3" && ::isatty(STDIN_FILENO) == 0;
}

task<> stream_pipe::send_input()
{
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    const std::span<std::byte> room(buffer.get(), buffer_size);
    bool goes_on = true;
    while (goes_on) {
        const result<std::size_t> count = co_await input_.read(room);
        if (count) {
            goes_on = co_await send(room.first(*count));
            continue;
        }
        goes_on = false;
        outcome_.input_ended = count.error() == errc::end_of_stream;
        if (outcome_.input_ended || count.error() == errc::canceled)
            continue;
        outcome_.input = count.error();
        socket_.destroy();  // what was sent is not the whole
    }
    if (!outcome_.input_ended || !options_.half_close)
        co_return;
    const result<> ended = co_await socket_.end();
    if (!ended)
        sending_ = ended.error();
}

task<bool> stream_pipe::send(std::span<const std::byte> bytes)
{
    const std::size_t taken = bytes.size();
    outcome_.unsent = taken;
    if (options_.crlf) {
        lines_ = with_crlf(bytes, lines_.ends_with('\r'));
        bytes = std::as_bytes(std::span(lines_));
    }
    const result<std::size_t> written = co_await socket_.write(bytes);
    if (!written)
        sending_ = written.error();
    else
        outcome_.unsent = *written == bytes.size() ? 0 : taken - std::min(taken, *written);
    co_return written && *written == bytes.size();
}

task<> stream_pipe::receive_output()
{
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    const std::span<std::byte> room(buffer.get(), buffer_size);
    bool goes_on = true;
    while (goes_on) {
        const result<std::size_t> count = co_await socket_.read(room);
        if (!count) {
            peer_ended_ = count.error() == errc::end_of_stream;
            if (!peer_ended_ && count.error() != errc::destroyed)
                outcome_.connection = count.error();
            co_return;
        }
        const result<std::size_t> written = co_await output_.write(room.first(*count));
        if (!written)
            outcome_.output = written.error();
        goes_on = written.has_value();
    }
}

/// What is there to be read, and will not be sent.
task<> stream_pipe::count_rest()
{
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    const std::span<std::byte> room(buffer.get(), buffer_size);
    const auto until = std::chrono::steady_clock::now() + time_to_count;
    bool goes_on = true;
    while (goes_on) {
        const result<std::size_t> count = co_await with_deadline(until, input_.read(room));
        goes_on = count.has_value();
        outcome_.unsent += count ? *count : 0;
        outcome_.input_ended = count.error() == errc::end_of_stream;
    }
}

/// The peer has ended, so that nobody waits for this end; only what was written before has to arrive.
task<> stream_pipe::end()
{
    const result<> sent = co_await with_timeout(time_to_end, socket_.drained());
    if (!sent)
        outcome_.connection = sent.error();
    if (!sent) {
        socket_.destroy();
        co_return;
    }
    const result<> ended = co_await with_timeout(time_to_end, socket_.end());
    if (!ended)
        socket_.destroy();
}

}  // namespace

task<pipe_outcome> pipe_standard_streams(tls::socket& socket, input_options options)
{
    stream_pipe pipe(socket, options);
    const pipe_outcome outcome = co_await pipe.run();
    co_return outcome;
}

}  // namespace coil::command
