#include "bench/coil_server.hpp"

#include "bench/protocol.hpp"
#include "bench/scenario.hpp"

#include <coil/runtime/cluster.hpp>
#include <coil/tls/tls.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
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

task<> serve(server_settings settings, tls::secure_context context)
{
    std::vector<tls::server> servers;
    const std::array handlers{&echo, &download, &upload, &http};
    for (std::size_t i = 0; i < handlers.size(); ++i) {
        tls::server_options options;
        options.context = context;
        servers.push_back(tls::create_server(options, handlers[i]));
        coil::net::listen_options where;
        where.host = "127.0.0.1";
        where.port = port_of(all_protocols[i], settings.port);
        where.reuse_port = settings.threads > 1;
        servers.back().listen(where).value();
    }
    co_await servers.front().closed();
}

}  // namespace

void serve_with_coil(const server_settings& settings)
{
    tls::secure_context_options credentials;
    credentials.cert = tls::file(settings.certificate_file);
    credentials.key = tls::file(settings.key_file);
    const tls::secure_context context = tls::create_secure_context(credentials);
    coil::cluster_options options;
    options.workers = settings.threads;
    coil::cluster cluster(options);
    cluster.run([&](coil::worker) { return serve(settings, context); });
}

}  // namespace bench
