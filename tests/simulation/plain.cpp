// Plain sockets carry much in both directions past readers that pause and waits that are stopped; no byte is lost, and no
// broken connection passes for one that ended.
#include "tests/simulation/scene.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>

namespace coil::test {
namespace {

/// What one direction of the connection came to.
struct direction {
    std::vector<std::byte> sent;
    std::vector<std::byte> got;
    std::optional<std::error_code> write_failure;
    std::optional<std::error_code> end;
    bool served = false;  // not where the server had no descriptor left and closed the connection at once
};

bool was_stopped(std::error_code error)
{
    return error == errc::canceled || error == errc::timed_out;
}

task<> write_all(scene& on, net::socket& to, direction& what)
{
    std::size_t written = 0;
    std::chrono::nanoseconds patience = std::chrono::microseconds(10);
    while (written < what.sent.size()) {
        const std::span<const std::byte> rest = std::span(what.sent).subspan(written);
        const std::array<std::span<const std::byte>, 2> pieces{rest.first(rest.size() / 3),
                                                               rest.subspan(rest.size() / 3)};
        auto writing = with_timeout(on.random_time(patience), to.write(pieces));
        const result<std::size_t> outcome = co_await writing;
        patience *= 2;
        if (outcome) {
            written += *outcome;
        } else if (!was_stopped(outcome.error())) {
            what.write_failure = outcome.error();
            co_return;
        }
    }
    const result<> ended = co_await to.end();
    if (!ended)
        what.write_failure = ended.error();
}

task<> read_all(scene& on, net::socket& from, direction& what)
{
    std::array<std::byte, 9000> buffer;
    const unsigned pauses = on.chance(50) ? 30 : 0;
    while (!what.end) {
        auto reading = with_timeout(on.random_time(std::chrono::seconds(2)), from.read(buffer));
        const result<std::size_t> size = co_await reading;
        if (size)
            what.got.insert(what.got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
        else if (!was_stopped(size.error()))
            what.end = size.error();
        if (on.chance(pauses))
            static_cast<void>(co_await sleep_for(on.random_time(std::chrono::milliseconds(40))));
    }
}

task<> exchange(scene& on, net::socket& over, direction& out, direction& in)
{
    scope both;
    both.spawn(write_all(on, over, out));
    both.spawn(read_all(on, over, in));
    co_await both.join();
}

task<> serve(scene& on, net::socket peer, direction& out, direction& in)
{
    out.served = in.served = true;
    co_await exchange(on, peer, out, in);
}

void check(scene& on, const direction& what)
{
    require(what.got.size() <= what.sent.size() && std::equal(what.got.begin(), what.got.end(), what.sent.begin()),
            "plain: bytes were lost or changed their order");
    if (what.write_failure)
        on.allow_loss(*what.write_failure, "plain: write");
    if (!what.end)
        return;
    if (*what.end != errc::end_of_stream)
        on.allow_loss(*what.end, "plain: read");
    else if (what.served)
        require(what.got.size() == what.sent.size(), "plain: a part passed for the whole");
}

task<> main_task(scene& on)
{
    direction to_server;
    direction to_client;
    constexpr std::array<std::size_t, 4> sizes{0, 5000, 100'000, 600'000};
    to_server.sent = on.random_bytes(sizes[on.below(sizes.size())]);
    to_client.sent = on.random_bytes(sizes[on.below(sizes.size())]);
    net::server server = net::create_server(
        {.allow_half_open = true}, [&](net::socket peer) { return serve(on, std::move(peer), to_client, to_server); });
    server.on_uncaught([&on](std::exception_ptr failure) { on.note_failure(std::move(failure)); });
    net::listen_options place;
    const std::size_t kind = on.below(4);
    if (kind == 0)
        place.path = "/simulated/socket";
    else if (kind == 1)
        place.host = "::1";
    else if (kind == 2)
        place.host = "127.0.0.1";
    const result<> listening = server.listen(place);
    require(listening.has_value(), "plain: listen");
    net::connect_options options;
    options.allow_half_open = true;
    options.path = place.path;
    options.host = kind == 1 ? "::1" : "127.0.0.1";
    options.port = server.address()->port();
    net::socket socket = net::connect(options);
    const result<> connected = co_await socket.connect();
    if (connected)
        co_await exchange(on, socket, to_server, to_client);
    else
        on.allow_loss(connected.error(), "plain: connect");
    socket.destroy();
    static_cast<void>(server.close());
    static_cast<void>(co_await server.closed());
    check(on, to_server);
    check(on, to_client);
}

}  // namespace

void play_plain(scene& on)
{
    on.run(main_task(on));
}

}  // namespace coil::test
