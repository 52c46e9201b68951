// Coroutines are destroyed wherever they wait - while connecting, in a handshake, a read, a write, an end - and servers with
// them; nothing of them stays.
#include "tests/simulation/scene.hpp"

#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/connect.hpp>
#include <coil/tls/server.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>

namespace coil::test {
namespace {

task<> pour(tls::socket& to, const std::vector<std::byte>& bytes)
{
    for (int i = 0; i < 6; ++i) {
        const result<std::size_t> written = co_await to.write(bytes);
        if (!written)
            co_return;
    }
    static_cast<void>(co_await to.drained());
    static_cast<void>(co_await to.end());
}

task<> drink(scene& on, tls::socket& from)
{
    std::array<std::byte, 3000> buffer;
    while (true) {
        const result<std::size_t> got = co_await from.read(buffer);
        if (!got)
            co_return;
        if (on.chance(10))
            static_cast<void>(co_await sleep_for(on.random_time(std::chrono::milliseconds(30))));
    }
}

task<> exchange(scene& on, tls::socket socket)
{
    const std::vector<std::byte> bytes = on.random_bytes(1 + on.below(30'000));
    scope both;
    both.spawn(pour(socket, bytes));
    both.spawn(drink(on, socket));
    co_await both.join();
    if (on.chance(50)) {
        auto ending = socket.shutdown(std::chrono::seconds(5));
        static_cast<void>(co_await ending);
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
    if (secure)
        co_await exchange(on, std::move(socket));
}

std::unique_ptr<tls::server> make_server(scene& on)
{
    tls::server_options options;
    options.secure_context = on.server_context;
    options.max_connections = on.chance(30) ? 1 : 0;
    auto server = std::make_unique<tls::server>(
        tls::create_server(options, [&on](tls::socket peer) { return exchange(on, std::move(peer)); }));
    server->on_uncaught([&on](std::exception_ptr failure) { on.note_failure(std::move(failure)); });
    return server;
}

task<> main_task(scene& on)
{
    std::unique_ptr<tls::server> server = make_server(on);
    const result<> listening = server->listen({.host = "127.0.0.1"});
    require(listening.has_value(), "abandon: listen");
    const std::uint16_t port = server->address()->port();
    std::array<std::optional<scope>, 3> clients;
    for (int steps = 0; steps < 12; ++steps) {
        std::optional<scope>& one = clients[on.below(clients.size())];
        if (on.chance(60)) {
            if (!one)
                one.emplace();
            one->spawn(client(on, port));
        } else if (on.chance(20) && one) {
            one->request_stop();
        } else {
            one.reset();  // destroys what its coroutines wait for
        }
        if (on.chance(5)) {
            server.reset();
            server = make_server(on);
            const result<> again = server->listen({.host = "127.0.0.1", .port = port});
            if (!again)
                fail("abandon: listen again", again.error());
        }
        const std::chrono::nanoseconds longest =
            on.chance(50) ? std::chrono::microseconds(300) : std::chrono::milliseconds(30);
        static_cast<void>(co_await sleep_for(on.random_time(longest)));
    }
}

}  // namespace

void play_abandon(scene& on)
{
    on.run(main_task(on));
}

}  // namespace coil::test
