#include "bench/lockstep/turn_ring.hpp"
#include "bench/lockstep/turns.hpp"
#include "bench/scenario.hpp"
#include "bench/server.hpp"

#include <coil/runtime/event.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/tls/tls.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

namespace bench::lockstep {
namespace {

using coil::result;
using coil::task;
namespace tls = coil::tls;

task<> echo(tls::socket socket)
{
    std::array<std::byte, echo_buffer_size> buffer;
    for (;;) {
        const result<std::size_t> size = co_await socket.read(buffer);
        if (!size)
            co_return;
        const result<std::size_t> written = co_await socket.write(std::span<const std::byte>(buffer).first(*size));
        if (!written)
            co_return;
    }
}

/// @return none when the connection has ended.
task<std::optional<std::uint64_t>> read_length(tls::socket& socket, std::array<std::byte, 8>& bytes)
{
    std::size_t filled = 0;
    while (filled < bytes.size()) {
        const result<std::size_t> size = co_await socket.read(std::span(bytes).subspan(filled));
        if (!size)
            co_return std::nullopt;
        filled += *size;
    }
    std::uint64_t length = 0;
    for (const std::byte one : bytes)
        length = length << 8 | static_cast<std::uint64_t>(one);
    co_return length;
}

task<> download(tls::socket socket)
{
    std::array<std::byte, 8> bytes;
    for (;;) {
        const std::optional<std::uint64_t> length = co_await read_length(socket, bytes);
        if (!length)
            co_return;
        for (std::uint64_t left = *length; left != 0;) {
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
    std::array<std::byte, 8> bytes;
    std::vector<std::byte> buffer(write_size);
    for (;;) {
        const std::optional<std::uint64_t> length = co_await read_length(socket, bytes);
        if (!length)
            co_return;
        for (std::uint64_t left = *length; left != 0;) {
            const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
            const result<std::size_t> size = co_await socket.read(std::span(buffer).first(part));
            if (!size)
                co_return;
            left -= *size;
        }
        const result<std::size_t> written = co_await socket.write(std::span<const std::byte>(bytes));
        if (!written)
            co_return;
    }
}

tls::server::connection_handler handler_of(workload_kind kind)
{
    switch (kind) {
    case workload_kind::download: return download;
    case workload_kind::upload: return upload;
    case workload_kind::echo:
    case workload_kind::handshake: break;
    }
    return echo;
}

task<> serve(const turn_settings& settings, clients& with, turn_ring& ring)
{
    tls::server_options options;
    options.secure_context.cert = tls::file(settings.certificate_file);
    options.secure_context.key = tls::file(settings.key_file);
    tls::server server = tls::create_server(options, handler_of(settings.serves->kind));
    coil::net::listen_options where;
    where.host = "127.0.0.1";
    server.listen(where).value();
    with.connect_to(server.address()->port());
    coil::event over;
    ring.begin([&with, &over] {
        const bool go_on = with.turn();
        if (!go_on)
            over.set();
        return go_on;
    });
    const result<> ended = co_await over.wait();
    ended.value();
}

}  // namespace

void take_turns_with_coil(const turn_settings& settings, clients& with)
{
    const coil::loop_options standard;
    auto ring = std::make_unique<turn_ring>(
        coil::internal::make_kernel_ring({.submission_entries = standard.submission_entries,
                                          .completion_entries = standard.completion_entries,
                                          .receive_buffers = standard.receive_buffers,
                                          .receive_buffer_size = standard.receive_buffer_size}));
    turn_ring& its_ring = *ring;
    coil::loop loop(std::move(ring));
    loop.run(serve(settings, with, its_ring));
}

}  // namespace bench::lockstep
