#include "bench/coil_listener.hpp"

#include "bench/scenario.hpp"
#include "bench/server.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace bench {
namespace {

using coil::result;
using coil::task;
namespace tls = coil::tls;

/// A coroutine of its own, so that the buffer is there only while something is echoed. @return whether to go on.
task<bool> echo_what_is_here(tls::socket& socket)
{
    std::array<std::byte, echo_buffer_size> buffer;
    const result<std::size_t> size = co_await socket.read(buffer);
    if (!size)
        co_return false;
    const result<std::size_t> written = co_await socket.write(std::span<const std::byte>(buffer).first(*size));
    co_return written.has_value();
}

task<> echo(tls::socket socket)
{
    for (;;) {
        const result<> something = co_await socket.readable();
        if (!something)
            co_return;
        const bool goes_on = co_await echo_what_is_here(socket);
        if (!goes_on)
            co_return;
    }
}

task<result<>> read_exactly(tls::socket& socket, std::span<std::byte> buffer)
{
    std::size_t filled = 0;
    while (filled < buffer.size()) {
        const result<std::size_t> size = co_await socket.read(buffer.subspan(filled));
        if (!size)
            co_return size.error();
        filled += *size;
    }
    co_return result<>();
}

std::uint64_t to_length(std::span<const std::byte> bytes)
{
    std::uint64_t length = 0;
    for (const std::byte one : bytes)
        length = length << 8 | static_cast<std::uint64_t>(one);
    return length;
}

task<> download(tls::socket socket)
{
    std::array<std::byte, 8> length;
    for (;;) {
        const result<> read = co_await read_exactly(socket, length);
        if (!read)
            co_return;
        for (std::uint64_t left = to_length(length); left != 0;) {
            const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left, write_size));
            const result<std::size_t> written = co_await socket.write(pattern().first(part));
            if (!written)
                co_return;
            left -= part;
        }
    }
}

task<> upload(tls::socket socket)
{
    std::array<std::byte, 8> length;
    std::vector<std::byte> buffer(write_size);
    for (;;) {
        const result<> read = co_await read_exactly(socket, length);
        if (!read)
            co_return;
        for (std::uint64_t left = to_length(length); left != 0;) {
            const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
            const result<std::size_t> size = co_await socket.read(std::span(buffer).first(part));
            if (!size)
                co_return;
            left -= *size;
        }
        const result<std::size_t> written = co_await socket.write(std::span<const std::byte>(length));
        if (!written)
            co_return;
    }
}

task<> http(tls::socket socket)
{
    std::array<std::byte, 2048> buffer;
    std::string received;
    for (;;) {
        const result<std::size_t> size = co_await socket.read(buffer);
        if (!size)
            co_return;
        received.append(reinterpret_cast<const char*>(buffer.data()), *size);
        for (std::size_t end; (end = received.find("\r\n\r\n")) != received.npos; received.erase(0, end + 4)) {
            const result<std::size_t> written = co_await socket.write(http_answer);
            if (!written)
                co_return;
        }
    }
}

tls::server::connection_handler handler_of(protocol spoken)
{
    switch (spoken) {
    case protocol::echo: break;
    case protocol::download: return download;
    case protocol::upload: return upload;
    case protocol::http: return http;
    }
    return echo;
}

}  // namespace

tls::secure_context make_coil_context(const std::string& certificate_file, const std::string& key_file)
{
    tls::secure_context_options credentials;
    credentials.cert = tls::file(certificate_file);
    credentials.key = tls::file(key_file);
    return tls::create_secure_context(credentials);
}

tls::server listen_with_coil(protocol spoken, const tls::secure_context& context, std::uint16_t port, bool shared)
{
    tls::server_options options;
    options.secure_context = context;
    return listen_with_coil(spoken, std::move(options), port, shared);
}

tls::server listen_with_coil(protocol spoken, tls::server_options options, std::uint16_t port, bool shared)
{
    tls::server server = tls::create_server(std::move(options), handler_of(spoken));
    coil::net::listen_options where;
    where.host = "127.0.0.1";
    where.port = port;
    where.reuse_port = shared;
    server.listen(where).value();
    return server;
}

}  // namespace bench
