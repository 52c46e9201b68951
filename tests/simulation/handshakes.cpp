// Handshakes that get nowhere end in time, on both sides, and hold up nobody.
#include "tests/simulation/scene.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/connect.hpp>
#include <coil/tls/server.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <span>

namespace coil::test {
namespace {

constexpr std::chrono::seconds handshake_limit{20};

struct story {
    scene& on;
    std::uint16_t port = 0;
    std::size_t timed_out = 0;
    std::size_t other_errors = 0;
    std::size_t served = 0;
};

task<> read_to_the_end(net::socket& from, std::error_code& end)
{
    std::array<std::byte, 1000> dropped;
    while (!end) {
        const result<std::size_t> more = co_await from.read(dropped);
        if (!more)
            end = more.error();
    }
}

/// A client that speaks no TLS, or only the beginning of it, and then waits.
task<> silent_client(story& all, std::size_t bytes)
{
    net::connect_options options;
    options.host = "127.0.0.1";
    options.port = all.port;
    net::socket socket = net::connect(options);
    const result<> connected = co_await socket.connect();
    if (!connected) {
        all.on.allow_loss(connected.error(), "handshakes: connect");
        co_return;
    }
    // The header of a record that promises more than comes.
    constexpr std::array<std::uint8_t, 8> beginning{22, 3, 1, 2, 0, 1, 0, 1};
    const result<std::size_t> written = co_await socket.write(std::as_bytes(std::span(beginning)).first(bytes));
    if (!written) {
        all.on.allow_loss(written.error(), "handshakes: write");
        co_return;
    }
    const auto begun = loop::current().now();
    std::error_code end;
    co_await read_to_the_end(socket, end);
    require(end != errc::end_of_stream, "handshakes: given up with an orderly end");
    if (end != errc::reset)
        all.on.allow_loss(end, "handshakes: read");
    else if (!all.on.is_rough())
        require(loop::current().now() - begun >= handshake_limit - std::chrono::seconds(5),
                "handshakes: given up too early");
}

/// A client that sends what is no TLS and is told so, or finds the connection closed.
task<> wrong_client(story& all)
{
    net::connect_options options;
    options.host = "127.0.0.1";
    options.port = all.port;
    net::socket socket = net::connect(options);
    const result<> connected = co_await socket.connect();
    if (!connected) {
        all.on.allow_loss(connected.error(), "handshakes: connect");
        co_return;
    }
    const std::vector<std::byte> noise = all.on.random_bytes(1 + all.on.below(3000));
    static_cast<void>(co_await socket.write(noise));
    if (all.on.chance(50))
        co_return;
    static_cast<void>(co_await socket.end());
    std::error_code end;
    co_await read_to_the_end(socket, end);
    require(end == errc::end_of_stream || end == errc::reset, "handshakes: read of an alert");
}

task<> good_client(story& all)
{
    tls::connect_options options;
    options.secure_context = all.on.client_context;
    options.handshake_timeout = std::chrono::minutes(10);
    options.host = "127.0.0.1";
    options.port = all.port;
    tls::socket socket = tls::connect(std::move(options));
    const auto begun = loop::current().now();
    const result<> secure = co_await socket.secure_connect();
    if (!secure) {
        all.on.allow_loss(secure.error(), "handshakes: secure_connect");
        co_return;
    }
    if (!all.on.is_rough())
        require(loop::current().now() - begun < handshake_limit, "handshakes: held up by others");
    std::array<std::byte, 16> buffer;
    const result<std::size_t> got = co_await socket.read(buffer);
    if (!got)
        all.on.allow_loss(got.error(), "handshakes: read of the greeting");
}

/// A client that gives up a handshake midway, by a stop or by going away.
task<> hasty_client(story& all)
{
    tls::connect_options options;
    options.secure_context = all.on.client_context;
    options.host = "127.0.0.1";
    options.port = all.port;
    tls::socket socket = tls::connect(std::move(options));
    auto connecting = with_timeout(all.on.random_time(std::chrono::milliseconds(3)), socket.secure_connect());
    const result<> secure = co_await connecting;
    if (!secure && secure.error() != errc::timed_out)
        all.on.allow_loss(secure.error(), "handshakes: hasty secure_connect");
    if (all.on.chance(30))
        socket.destroy();
}

/// A server that accepts and says nothing.
task<> say_nothing(net::socket peer)
{
    std::error_code end;
    co_await read_to_the_end(peer, end);
}

/// A client of a server that says nothing gives up in time.
task<> impatient_client(story& all, std::uint16_t silent_port)
{
    tls::connect_options options;
    options.secure_context = all.on.client_context;
    options.handshake_timeout = std::chrono::seconds(7);
    options.host = "127.0.0.1";
    options.port = silent_port;
    tls::socket socket = tls::connect(std::move(options));
    const result<> secure = co_await socket.secure_connect();
    require(!secure, "handshakes: secure with a server that says nothing");
    if (secure.error() != tls::errc::handshake_timeout)
        all.on.allow_loss(secure.error(), "handshakes: of an impatient client");
    else
        require(socket.error_info().error == tls::errc::handshake_timeout, "handshakes: error_info of a timeout");
}

task<> greet(story& all, tls::socket peer)
{
    ++all.served;
    static_cast<void>(co_await peer.write("hello"));
    static_cast<void>(co_await peer.end());
}

task<> main_task(scene& on)
{
    story all{on};
    tls::server_options options;
    options.secure_context = on.server_context;
    options.handshake_timeout = handshake_limit;
    tls::server server = tls::create_server(options, [&all](tls::socket peer) { return greet(all, std::move(peer)); });
    server.on_uncaught([&on](std::exception_ptr failure) { on.note_failure(std::move(failure)); });
    server.on_tls_client_error([&all](const tls::error_info& what, const tls::socket&) {
        ++(what.error == tls::errc::handshake_timeout ? all.timed_out : all.other_errors);
    });
    const result<> listening = server.listen({.host = "127.0.0.1"});
    require(listening.has_value(), "handshakes: listen");
    all.port = server.address()->port();
    net::server silent = net::create_server({}, say_nothing);
    const result<> listening_silently = silent.listen({.host = "127.0.0.1"});
    require(listening_silently.has_value(), "handshakes: listen silently");

    const std::size_t quiet = on.below(3);
    const std::size_t good = 1 + on.below(2);
    const std::size_t hasty = on.below(3);
    scope clients;
    for (std::size_t i = 0; i < quiet; ++i)
        clients.spawn(silent_client(all, on.below(9)));
    for (std::size_t i = 0; i < good; ++i)
        clients.spawn(good_client(all));
    for (std::size_t i = 0; i < hasty; ++i)
        clients.spawn(hasty_client(all));
    if (on.chance(50))
        clients.spawn(wrong_client(all));
    if (on.chance(50))
        clients.spawn(impatient_client(all, silent.address()->port()));
    co_await clients.join();
    static_cast<void>(server.close());
    static_cast<void>(silent.close());
    static_cast<void>(co_await server.closed());
    static_cast<void>(co_await silent.closed());
    if (on.is_rough())
        co_return;
    require(all.timed_out == quiet, "handshakes: other than the silent ones timed out");
    require(all.served >= good && all.served <= good + hasty, "handshakes: good clients were not served");
}

}  // namespace

void play_handshakes(scene& on)
{
    on.run(main_task(on));
}

}  // namespace coil::test
