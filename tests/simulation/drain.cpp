// A server that closes lets its connections finish, refuses new ones and can listen again at once; one that is stopped or
// destroyed ends them.
#include "tests/simulation/scene.hpp"

#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/connect.hpp>
#include <coil/tls/server.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>

namespace coil::test {
namespace {

enum class manner { close, stop, destroy };

struct story {
    scene& on;
    manner how = manner::close;
    std::uint16_t port = 0;
    std::size_t begun = 0;
    std::size_t ended = 0;
    bool closing = false;
};

/// Counts a connection handler, however it ends.
class attendance {
public:
    explicit attendance(story& of) noexcept : of_(of) { ++of_.begun; }
    attendance(const attendance&) = delete;
    ~attendance() { ++of_.ended; }

private:
    story& of_;
};

task<> echo(story& all, tls::socket peer)
{
    const attendance here(all);
    std::array<std::byte, 3000> buffer;
    while (true) {
        const result<std::size_t> got = co_await peer.read(buffer);
        if (!got) {
            require(got.error() != errc::canceled || all.how == manner::stop, "drain: stopped by nobody");
            co_return;
        }
        const result<std::size_t> written = co_await peer.write(std::span(buffer).first(*got));
        if (!written)
            co_return;
    }
}

/// Sends a few messages with pauses and expects each to come back, whatever the server does meanwhile.
task<> client(story& all)
{
    scene& on = all.on;
    tls::connect_options options;
    options.secure_context = on.client_context;
    options.host = "127.0.0.1";
    options.port = all.port;
    tls::socket socket = tls::connect(std::move(options));
    const result<> secure = co_await socket.secure_connect();
    if (!secure) {
        if (!all.closing)
            on.allow_loss(secure.error(), "drain: secure_connect");
        co_return;
    }
    std::array<std::byte, 2000> buffer;
    for (std::size_t messages = 1 + on.below(6); messages > 0; --messages) {
        const std::vector<std::byte> sent = on.random_bytes(1 + on.below(buffer.size()));
        std::size_t got = 0;
        std::error_code failure;
        const result<std::size_t> written = co_await socket.write(sent);
        if (!written)
            failure = written.error();
        while (!failure && got < sent.size()) {
            const result<std::size_t> part = co_await socket.read(std::span(buffer).subspan(got, sent.size() - got));
            if (part)
                got += *part;
            else
                failure = part.error();
        }
        if (failure) {
            // An end without everything is right only where the server was told to end its connections.
            if (!all.closing || all.how == manner::close)
                on.allow_loss(failure, "drain: exchange");
            co_return;
        }
        require(std::equal(sent.begin(), sent.end(), buffer.begin()), "drain: other bytes came back");
        static_cast<void>(co_await sleep_for(on.random_time(std::chrono::milliseconds(10))));
    }
    const result<> ended = co_await socket.end();
    if (!ended && (!all.closing || all.how == manner::close))
        on.allow_loss(ended.error(), "drain: end");
}

task<> late_client(story& all)
{
    tls::connect_options options;
    options.secure_context = all.on.client_context;
    options.host = "127.0.0.1";
    options.port = all.port;
    tls::socket socket = tls::connect(std::move(options));
    const result<> secure = co_await socket.secure_connect();
    require(!secure, "drain: a server that closed accepted a connection");
    if (!all.on.is_rough() && secure.error() != std::errc::connection_refused)
        fail("drain: late secure_connect", secure.error());
}

tls::server make_server(story& all)
{
    tls::server_options options;
    options.secure_context = all.on.server_context;
    tls::server server = tls::create_server(options, [&all](tls::socket peer) { return echo(all, std::move(peer)); });
    server.on_uncaught([&all](std::exception_ptr failure) { all.on.note_failure(std::move(failure)); });
    return server;
}

/// Listens again on the same port, which must be free.
task<> listen_again(story& all, tls::server& server)
{
    all.closing = false;
    const result<> listening = server.listen({.host = "127.0.0.1", .port = all.port});
    if (!listening)
        fail("drain: listen again", listening.error());
    co_await client(all);
    all.closing = true;
    static_cast<void>(server.close());
    static_cast<void>(co_await server.closed());
}

task<> main_task(scene& on)
{
    constexpr std::array all_manners{manner::close, manner::close, manner::stop, manner::destroy};
    story all{on, all_manners[on.below(all_manners.size())]};
    std::optional<tls::server> server(make_server(all));
    const result<> listening = server->listen({.host = "127.0.0.1"});
    require(listening.has_value(), "drain: listen");
    all.port = server->address()->port();
    scope clients;
    for (std::size_t count = 1 + on.below(5); count > 0; --count)
        clients.spawn(client(all));
    static_cast<void>(co_await sleep_for(on.random_time(std::chrono::milliseconds(30))));
    all.closing = true;
    const result<> closed = server->close();
    require(closed.has_value(), "drain: close");
    if (all.how == manner::stop)
        server->request_stop();
    if (all.how == manner::destroy)
        server.reset();
    else
        static_cast<void>(co_await server->closed());
    require(all.begun == all.ended, "drain: closed before its connections had ended");
    co_await clients.join();
    co_await late_client(all);
    if (server && all.how == manner::close)
        co_await listen_again(all, *server);
}

}  // namespace

void play_drain(scene& on)
{
    on.run(main_task(on));
}

}  // namespace coil::test
