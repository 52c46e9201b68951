// Many clients, each with a reader and a writer, get back from an echo server what they sent.
#include "tests/simulation/scene.hpp"

#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/connect.hpp>
#include <coil/tls/server.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace coil::test {
namespace {

task<> echo(tls::socket peer)
{
    std::array<std::byte, 5000> buffer;
    while (true) {
        const result<std::size_t> got = co_await peer.read(buffer);
        if (!got)
            co_return;
        const result<std::size_t> written = co_await peer.write(std::span(buffer).first(*got));
        if (!written)
            co_return;
    }
}

task<> write_all(scene& on, tls::socket& to, const std::vector<std::byte>& bytes,
                 std::optional<std::error_code>& failure)
{
    std::size_t written = 0;
    while (written < bytes.size()) {
        const std::size_t size = std::min(bytes.size() - written, 1 + on.below(20'000));
        const result<std::size_t> outcome = co_await to.write(std::span(bytes).subspan(written, size));
        if (!outcome) {
            failure = outcome.error();
            co_return;
        }
        require(*outcome == size, "a write that nobody stopped took a part only");
        written += size;
        if (on.chance(10))
            static_cast<void>(co_await sleep_for(on.random_time(std::chrono::milliseconds(20))));
    }
    const result<> ended = co_await to.end();
    if (!ended)
        failure = ended.error();
}

task<> read_all(scene& on, tls::socket& from, std::vector<std::byte>& got, std::optional<std::error_code>& end)
{
    std::array<std::byte, 4096> buffer;
    while (!end) {
        const std::size_t room = 1 + on.below(buffer.size());
        const result<std::size_t> size = co_await from.read(std::span(buffer).first(room));
        if (size)
            got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
        else
            end = size.error();
        if (on.chance(5))
            static_cast<void>(co_await sleep_for(on.random_time(std::chrono::milliseconds(20))));
    }
}

task<> client(scene& on, std::uint16_t port)
{
    tls::connect_options options;
    options.secure_context = on.client_context;
    options.host = "127.0.0.1";
    options.port = port;
    tls::socket socket = tls::connect(std::move(options));
    const result<> secure = co_await socket.secure_connect();
    if (!secure) {
        on.allow_loss(secure.error(), "echo: secure_connect");
        co_return;
    }
    require(socket.authorized(), "echo: the server was not verified");
    constexpr std::array<std::size_t, 5> sizes{0, 1, 300, 6000, 90'000};
    const std::vector<std::byte> sent = on.random_bytes(sizes[on.below(sizes.size())]);
    std::vector<std::byte> got;
    std::optional<std::error_code> write_failure;
    std::optional<std::error_code> end;
    scope both;
    both.spawn(write_all(on, socket, sent, write_failure));
    both.spawn(read_all(on, socket, got, end));
    co_await both.join();
    require(got.size() <= sent.size() && std::equal(got.begin(), got.end(), sent.begin()),
            "echo: other bytes came back");
    if (write_failure)
        on.allow_loss(*write_failure, "echo: write");
    if (*end != errc::end_of_stream)
        on.allow_loss(*end, "echo: read");
    else if (!write_failure)
        require(got.size() == sent.size(), "echo: an orderly end before everything came back");
}

task<> main_task(scene& on)
{
    tls::server_options options;
    options.secure_context = on.server_context;
    tls::server server = tls::create_server(options, echo);
    server.on_uncaught([&on](std::exception_ptr failure) { on.note_failure(std::move(failure)); });
    const result<> listening = server.listen({.host = "127.0.0.1"});
    require(listening.has_value(), "echo: listen");
    const std::uint16_t port = server.address()->port();
    scope clients;
    for (std::size_t count = 1 + on.below(5); count > 0; --count)
        clients.spawn(client(on, port));
    co_await clients.join();
    const result<> closed = server.close();
    require(closed.has_value(), "echo: close");
    static_cast<void>(co_await server.closed());
    require(server.connections() == 0, "echo: connections of a closed server");
}

}  // namespace

void play_echo(scene& on)
{
    on.run(main_task(on));
}

}  // namespace coil::test
