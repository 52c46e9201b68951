#include "tools/coil/http_connection.hpp"

#include <coil/runtime/timer.hpp>
#include <coil/runtime/with_stop.hpp>

#include "tools/coil/terminal.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

namespace coil::command {
namespace {

constexpr std::size_t piece_size = 64 * 1024;
// A client that was refused midway may read the answer only when it has sent everything.
constexpr std::chrono::seconds idle_to_close(2);
constexpr std::chrono::seconds time_to_close(30);

using bytes = std::span<const std::byte>;

bytes bytes_of(std::string_view text)
{
    return std::as_bytes(std::span(text));
}

/// Writes all of `pieces` or fails; a client that makes no room for them in time is a failure too.
task<bool> write_all(tls::socket& socket, std::span<const bytes> pieces, std::chrono::seconds limit)
{
    std::size_t size = 0;
    for (const bytes& piece : pieces)
        size += piece.size();
    result<std::size_t> written = co_await with_timeout(limit, socket.write(pieces));
    co_return written && *written == size;
}

}  // namespace

task<> http_service::run(tls::socket socket)
{
    std::string received;
    outcome last = outcome::answered;
    while (last == outcome::answered && !context_.closing().stop_requested()) {
        if (received.empty()) {
            std::string().swap(received);  // an idle connection keeps no buffer
            const bool begun = co_await wait_for_request(socket, received);
            if (!begun)
                break;
        }
        last = co_await exchange(socket, received);
    }
    if (last == outcome::cut_off)
        socket.destroy();
    else
        co_await end(socket);
}

/// Ends in order, then drops what still comes until the client ends too: closing with bytes unread would reset the
/// connection, and the last answer could be lost.
task<> http_service::end(tls::socket& socket)
{
    const auto until = std::chrono::steady_clock::now() + time_to_close;
    const result<> ended = co_await with_timeout(limits_.write, socket.end());
    bool goes_on = ended.has_value();
    while (goes_on && std::chrono::steady_clock::now() < until) {
        const result<> more = co_await with_timeout(idle_to_close, socket.readable());
        goes_on = more.has_value();
        if (goes_on)
            goes_on = co_await drop_input(socket);
    }
    socket.destroy();  // what is left of it; both sides have ended, or the client had its time
}

/// A connection that waits for the client's end holds no buffer.
task<bool> http_service::drop_input(tls::socket& socket)
{
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(piece_size);
    const std::span<std::byte> room(buffer.get(), piece_size);
    const result<std::size_t> count = co_await with_timeout(idle_to_close, socket.read(room));
    co_return count.has_value();
}

task<bool> http_service::wait_for_request(tls::socket& socket, std::string& received)
{
    std::array<std::byte, 64> first;
    const result<std::size_t> count =
        co_await with_timeout(limits_.idle, with_stop(context_.closing(), socket.read(first)));
    if (count)
        received.assign(reinterpret_cast<const char*>(first.data()), *count);
    co_return count.has_value();
}

task<http_service::outcome> http_service::exchange(tls::socket& socket, std::string& received)
{
    http_request_reader reader(socket, received, limits_);
    http_response response(500);
    bool keep_alive = false;
    const http_request_reader::outcome head = co_await reader.head();
    if (head == http_request_reader::outcome::lost)
        co_return outcome::cut_off;
    if (head == http_request_reader::outcome::refused) {
        response = http_response::explanation(reader.refusal());
    } else {
        response = co_await files_.answer(reader.request());
        keep_alive = reader.request().keep_alive;
        if (reader.has_body()) {
            const bool read = co_await read_body(socket, reader, response);
            keep_alive = keep_alive && read;
        }
    }
    keep_alive = keep_alive && !context_.closing().stop_requested();
    log(socket, reader.request(), response);
    const bool sent = co_await send(socket, reader.request(), response, keep_alive);
    if (!sent)
        co_return outcome::cut_off;
    co_return keep_alive ? outcome::answered : outcome::last;
}

/// @return whether another request can follow. Replaces the response where the body is not acceptable.
task<bool> http_service::read_body(tls::socket& socket, http_request_reader& reader, http_response& response)
{
    const bool method_is_refused = response.status() == 405 || response.status() == 501;
    if (method_is_refused)
        co_return false;  // its body is of no interest
    if (reader.request().expects_continue) {
        const std::array<bytes, 1> pieces{bytes_of("HTTP/1.1 100 Continue\r\n\r\n")};
        const bool asked = co_await write_all(socket, pieces, limits_.write);
        if (!asked)
            co_return false;
    }
    const http_request_reader::outcome body = co_await reader.body();
    if (body == http_request_reader::outcome::refused)
        response = http_response::explanation(reader.refusal());
    co_return body == http_request_reader::outcome::complete;
}

task<bool> http_service::send(tls::socket& socket, const http_request& request, const http_response& response,
                              bool keep_alive)
{
    std::string head = response.head(keep_alive, request.is_http_1_0);
    bool sent = false;
    if (request.method != "HEAD" && response.content() && response.size() > 0) {
        sent = co_await send_file(socket, std::move(head), response);
    } else {
        const std::string_view text = request.method == "HEAD" ? std::string_view() : std::string_view(response.text());
        const std::array<bytes, 2> pieces{bytes_of(head), bytes_of(text)};
        sent = co_await write_all(socket, pieces, limits_.write);
    }
    co_return sent;
}

task<bool> http_service::send_file(tls::socket& socket, std::string head, const http_response& response)
{
    const std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, response.size()));
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(room);
    std::uint64_t offset = response.offset();
    std::uint64_t left = response.size();
    while (left > 0) {
        const std::span<std::byte> piece(buffer.get(), static_cast<std::size_t>(std::min<std::uint64_t>(room, left)));
        const result<std::size_t> count = co_await response.content()->read_at(piece, offset);
        if (!count || *count == 0)
            co_return false;  // it became shorter meanwhile
        const std::array<bytes, 2> pieces{bytes_of(head), piece.first(*count)};
        const bool sent = co_await write_all(socket, pieces, limits_.write);
        if (!sent)
            co_return false;
        head.clear();
        offset += *count;
        left -= *count;
    }
    co_return true;
}

void http_service::log(const tls::socket& socket, const http_request& request, const http_response& response)
{
    if (!context_.log().on())
        return;
    const std::optional<net::address> peer = socket.remote_address();
    std::string line = peer ? peer->to_string() : std::string("?");
    if (request.method.empty())
        line += " (malformed)";
    else
        line += " " + printable(request.method) + " " + printable(request.target);
    line += " " + std::to_string(response.status()) + " " + std::to_string(response.size()) + " B ";
    line += socket.get_protocol().value_or("");
    context_.log().add(line);
}

}  // namespace coil::command
