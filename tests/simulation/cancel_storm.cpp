// Reads, writes and handshakes are stopped at random moments, and coroutines that wait are destroyed; every byte arrives.
#include "tests/simulation/scene.hpp"

#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/connect.hpp>
#include <coil/tls/server.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>

namespace coil::test {
namespace {

constexpr std::size_t most_patience = 3000;

/// What one direction of a connection came to.
struct direction {
    std::vector<std::byte> sent;
    std::vector<std::byte> got;
    std::optional<std::error_code> write_failure;
    std::optional<std::error_code> end;
};

/// The time after which a wait is stopped: short at first, so that it often is, and then longer, so that it gets on.
std::chrono::nanoseconds patience(scene& on, std::size_t attempt)
{
    if (on.chance(10))
        return std::chrono::nanoseconds(0);
    return on.random_time(std::chrono::microseconds(50) * static_cast<int>(1 + attempt * attempt));
}

bool was_stopped(std::error_code error)
{
    return error == errc::canceled || error == errc::timed_out;
}

task<> write_in_storm(scene& on, tls::socket& to, direction& what)
{
    std::size_t written = 0;
    std::size_t attempt = 0;
    while (written < what.sent.size()) {
        const std::size_t size = std::min(what.sent.size() - written, 1 + on.below(40'000));
        auto writing = with_timeout(patience(on, attempt++), to.write(std::span(what.sent).subspan(written, size)));
        const result<std::size_t> outcome = co_await writing;
        if (outcome) {
            require(*outcome >= 1 && *outcome <= size, "cancel: a write of no bytes, or of too many");
            written += *outcome;
            attempt /= 2;
        } else if (!was_stopped(outcome.error())) {
            what.write_failure = outcome.error();
            co_return;
        }
        require(attempt < most_patience, "cancel: a write never gets on");
    }
    result<> ended = errc::timed_out;
    for (attempt = 0; was_stopped(ended.error()); ++attempt) {
        auto ending = with_timeout(patience(on, attempt), to.end());
        ended = co_await ending;
        require(attempt < most_patience, "cancel: an end never comes");
    }
    if (!ended)
        what.write_failure = ended.error();
}

task<> read_once(tls::socket& from, std::span<std::byte> buffer, std::optional<result<std::size_t>>& outcome)
{
    outcome = co_await from.read(buffer);
}

/// Reads in a coroutine that is destroyed while it waits, if that takes too long.
task<result<std::size_t>> read_or_destroy(scene& on, tls::socket& from, std::span<std::byte> buffer,
                                          std::size_t attempt)
{
    std::optional<result<std::size_t>> outcome;
    {
        scope short_lived;
        short_lived.spawn(read_once(from, buffer, outcome));
        static_cast<void>(co_await sleep_for(patience(on, attempt)));
    }
    if (outcome)
        co_return *outcome;
    co_return errc::timed_out;
}

task<> read_in_storm(scene& on, tls::socket& from, direction& what)
{
    std::array<std::byte, 6000> buffer;
    std::size_t attempt = 0;
    while (!what.end) {
        const std::span<std::byte> room = std::span(buffer).first(1 + on.below(buffer.size()));
        result<std::size_t> outcome = errc::timed_out;
        if (on.chance(30)) {
            auto reading = read_or_destroy(on, from, room, attempt++);
            outcome = co_await reading;
        } else {
            auto reading = with_timeout(patience(on, attempt++), from.read(room));
            outcome = co_await reading;
        }
        if (outcome) {
            what.got.insert(what.got.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(*outcome));
            attempt /= 2;
        } else if (!was_stopped(outcome.error())) {
            what.end = outcome.error();
        }
        require(attempt < most_patience, "cancel: a read never gets on");
    }
}

task<> exchange(scene& on, tls::socket& over, direction& out, direction& in)
{
    scope both;
    both.spawn(write_in_storm(on, over, out));
    both.spawn(read_in_storm(on, over, in));
    co_await both.join();
}

/// The two directions of a connection; the client knows them by the port it connects from.
struct pair_of_directions {
    direction to_server;
    direction to_client;
    bool accepted = false;
};

struct storm {
    scene& on;
    std::vector<std::unique_ptr<pair_of_directions>> pairs;
};

task<> serve(storm& all, tls::socket peer)
{
    std::array<std::byte, 1> number{};
    std::size_t attempt = 0;
    result<std::size_t> first = errc::timed_out;
    while (was_stopped(first.error())) {
        auto reading = with_timeout(patience(all.on, attempt++), peer.read(number));
        first = co_await reading;
        require(attempt < most_patience, "cancel: the first read never gets on");
    }
    if (!first) {
        all.on.allow_loss(first.error(), "cancel: first read");
        co_return;
    }
    pair_of_directions& mine = *all.pairs.at(static_cast<std::size_t>(number[0]));
    require(!mine.accepted, "cancel: two connections of one client");
    mine.accepted = true;
    mine.to_server.got.push_back(number[0]);
    co_await exchange(all.on, peer, mine.to_client, mine.to_server);
}

task<> connect_in_storm(scene& on, tls::socket& socket, result<>& outcome)
{
    outcome = errc::timed_out;
    for (std::size_t attempt = 0; was_stopped(outcome.error()); ++attempt) {
        auto connecting = with_timeout(patience(on, attempt), socket.secure_connect());
        outcome = co_await connecting;
        require(attempt < most_patience, "cancel: a handshake never gets on");
    }
}

task<> client(storm& all, std::size_t index, std::uint16_t port)
{
    tls::connect_options options;
    options.allow_half_open = true;
    options.secure_context = all.on.client_context;
    options.host = "127.0.0.1";
    options.port = port;
    tls::socket socket = tls::connect(std::move(options));
    result<> secure;
    co_await connect_in_storm(all.on, socket, secure);
    if (!secure) {
        all.on.allow_loss(secure.error(), "cancel: secure_connect");
        co_return;
    }
    co_await exchange(all.on, socket, all.pairs[index]->to_server, all.pairs[index]->to_client);
}

void check(scene& on, const direction& what, bool both_ran)
{
    require(what.got.size() <= what.sent.size() && std::equal(what.got.begin(), what.got.end(), what.sent.begin()),
            "cancel: bytes were lost or changed their order");
    if (what.write_failure)
        on.allow_loss(*what.write_failure, "cancel: write");
    if (what.end && *what.end != errc::end_of_stream)
        on.allow_loss(*what.end, "cancel: read");
    else if (what.end && both_ran)
        require(what.got.size() == what.sent.size(), "cancel: an orderly end before everything came");
}

task<> main_task(scene& on)
{
    storm all{on, {}};
    const std::size_t count = 1 + on.below(4);
    constexpr std::array<std::size_t, 4> sizes{1, 400, 20'000, 150'000};
    for (std::size_t i = 0; i < count; ++i) {
        all.pairs.push_back(std::make_unique<pair_of_directions>());
        all.pairs[i]->to_server.sent = on.random_bytes(sizes[on.below(sizes.size())]);
        all.pairs[i]->to_server.sent[0] = static_cast<std::byte>(i);
        all.pairs[i]->to_client.sent = on.random_bytes(sizes[on.below(sizes.size())]);
    }
    tls::server_options options;
    options.allow_half_open = true;
    options.secure_context = on.server_context;
    tls::server server = tls::create_server(options, [&all](tls::socket peer) { return serve(all, std::move(peer)); });
    server.on_uncaught([&on](std::exception_ptr failure) { on.note_failure(std::move(failure)); });
    const result<> listening = server.listen({.host = "127.0.0.1"});
    require(listening.has_value(), "cancel: listen");
    const std::uint16_t port = server.address()->port();
    scope clients;
    for (std::size_t i = 0; i < count; ++i)
        clients.spawn(client(all, i, port));
    co_await clients.join();
    static_cast<void>(server.close());
    static_cast<void>(co_await server.closed());
    for (const auto& each : all.pairs) {
        check(on, each->to_server, each->accepted);
        check(on, each->to_client, each->accepted);
    }
}

}  // namespace

void play_cancel_storm(scene& on)
{
    on.run(main_task(on));
}

}  // namespace coil::test
