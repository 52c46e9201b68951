#include <coil/tls/socket.hpp>

#include "tools/coil/backend_choice.hpp"
#include "tools/coil/command_line.hpp"
#include "tools/coil/server_process.hpp"
#include "tools/coil/subcommands.hpp"
#include "tools/coil/terminal.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace coil::command {
namespace {

constexpr description about_echo{
    .name = "echo",
    .synopsis = "coil echo [OPTION]...",
    .about = "Sends back over TLS whatever arrives, on each connection until its end.\n",
    .examples = "  coil echo\n"
                "  coil echo --port 0 --port-file port --tls-min-v1.3 --cert chain.pem --key key.pem\n"
                "\n"
                "  coil connect --insecure localhost:7007             # type something\n",
};

constexpr std::size_t large_size = 16 * 1024;

/// Echoes while what arrives fills the large buffer, which exists only here.
/// @return why it stopped, if that was not for want of bytes.
task<result<>> echo_bulk(tls::socket& socket)
{
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(large_size);
    const std::span<std::byte> room(buffer.get(), large_size);
    std::size_t size = large_size;
    while (size == large_size) {
        const result<std::size_t> count = co_await socket.read(room);
        if (!count)
            co_return count.error();
        size = *count;
        const result<std::size_t> written = co_await socket.write(room.first(size));
        if (!written)
            co_return written.error();
    }
    co_return result<>();
}

/// An idle connection holds the small buffer only.
/// @return why it stopped.
task<std::error_code> echo_all(tls::socket& socket)
{
    std::array<std::byte, 512> small;
    for (;;) {
        const result<std::size_t> count = co_await socket.read(small);
        if (!count)
            co_return count.error();
        const result<std::size_t> written = co_await socket.write(std::span<const std::byte>(small).first(*count));
        if (!written)
            co_return written.error();
        if (*count < small.size())
            continue;
        const result<> goes_on = co_await echo_bulk(socket);
        if (!goes_on)
            co_return goes_on.error();
    }
}

task<> echo_connection(tls::socket socket)
{
    const std::error_code why = co_await echo_all(socket);
    if (why != errc::end_of_stream) {
        socket.destroy();  // an orderly end would say that everything was sent back
        co_return;
    }
    const result<> ended = co_await socket.end();
    if (!ended)
        socket.destroy();
}

std::string announcement(const net::address& where, unsigned threads)
{
    const terminal& out = terminal::output();
    return "Echoing at " + out.paint(colour::bold, where.to_string()) +
           (threads > 1 ? " with " + std::to_string(threads) + " threads" : "") + unusual_backend() +
           ". Ctrl-C ends it.\n";
}

}  // namespace

int echo(int count, char** arguments)
{
    server_arguments server;
    command_line line(about_echo);
    line.add(server.options("7007"));
    line.add(server.tls.server_options());
    if (!line.parse(count, arguments))
        return 0;
    server_process_options process;
    process.service = [](service_context&) -> tls::server::connection_handler { return echo_connection; };
    process.announcement = announcement;
    return run_server(server, std::move(process));
}

}  // namespace coil::command
