// Connections end in every way there is, on both sides at any time; each side learns what happened and nothing hangs.
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

enum class ending {
    end,       // close_notify, and goes on reading
    shutdown,  // close_notify, and drops what comes until the peer's
    dropped,   // goes out of scope
    destroyed,
    reset,
};

bool is_orderly(ending how)
{
    return how == ending::end || how == ending::shutdown;
}

/// What one side of a connection did and saw.
struct side {
    ending how = ending::end;
    std::vector<std::byte> sent;
    std::vector<std::byte> got;
    std::chrono::nanoseconds delay{0};
    bool began = false;
    bool wrote_all = false;
    std::optional<std::error_code> write_failure;
    std::optional<std::error_code> end;
    std::optional<std::error_code> end_failure;
};

struct connection {
    side client;
    side server;
};

task<> write_all(scene& on, tls::socket& to, side& mine)
{
    std::size_t written = 0;
    while (written < mine.sent.size()) {
        const std::size_t size = std::min(mine.sent.size() - written, 1 + on.below(30'000));
        const result<std::size_t> outcome = co_await to.write(std::span(mine.sent).subspan(written, size));
        if (!outcome) {
            mine.write_failure = outcome.error();
            co_return;
        }
        written += *outcome;
    }
    mine.wrote_all = true;
}

task<> read_all(scene& on, tls::socket& from, side& mine)
{
    std::array<std::byte, 5000> buffer;
    while (!mine.end) {
        const std::size_t room = 1 + on.below(buffer.size());
        const result<std::size_t> size = co_await from.read(std::span(buffer).first(room));
        if (size)
            mine.got.insert(mine.got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
        else
            mine.end = size.error();
    }
}

/// One side of a connection from the handshake to its own kind of end.
task<> take_part(scene& on, tls::socket socket, side& mine)
{
    mine.began = true;
    // While both write, both have to read. The reader of a side that is about to go is destroyed where it waits.
    std::optional<scope> reading(std::in_place);
    reading->spawn(read_all(on, socket, mine));
    co_await write_all(on, socket, mine);
    static_cast<void>(co_await sleep_for(mine.delay));
    if (mine.how != ending::end)
        reading.reset();
    switch (mine.how) {
    case ending::end: {
        const result<> ended = co_await socket.end();
        if (!ended)
            mine.end_failure = ended.error();
        co_await reading->join();
        const result<std::size_t> again = co_await socket.write("too late");
        require(!again, "endings: a write after the end");
        break;
    }
    case ending::shutdown: {
        auto ending_both = socket.shutdown(std::chrono::minutes(10));
        const result<> ended = co_await ending_both;
        if (!ended)
            mine.end_failure = ended.error();
        break;
    }
    case ending::dropped: break;
    case ending::destroyed: socket.destroy(); break;
    case ending::reset: socket.reset_and_destroy(); break;
    }
}

void choose(scene& on, side& which)
{
    constexpr std::array all{ending::end,     ending::end,       ending::shutdown,
                             ending::dropped, ending::destroyed, ending::reset};
    constexpr std::array<std::size_t, 5> sizes{0, 1, 700, 20'000, 200'000};
    which.how = all[on.below(all.size())];
    which.sent = on.random_bytes(sizes[on.below(sizes.size())]);
    which.delay = on.chance(50) ? std::chrono::nanoseconds(0) : on.random_time(std::chrono::milliseconds(50));
}

task<> client(scene& on, connection& mine, std::uint16_t port)
{
    tls::connect_options options;
    options.allow_half_open = true;
    options.secure_context = on.client_context;
    options.host = "127.0.0.1";
    options.port = port;
    tls::socket socket = tls::connect(std::move(options));
    const result<> secure = co_await socket.secure_connect();
    if (!secure) {
        // With TLS 1.2 the server is secure first and can be gone before its last message is read.
        const bool gone = mine.server.began && !is_orderly(mine.server.how) &&
                          (secure.error() == errc::reset || secure.error() == tls::errc::handshake_interrupted);
        if (!gone)
            on.allow_loss(secure.error(), "endings: secure_connect");
        co_return;
    }
    co_await take_part(on, std::move(socket), mine.client);
}

/// What `mine` may have seen of a peer that did `other`.
void check(const scene& on, const side& mine, const side& other, const char* name)
{
    const std::string who = "endings: " + std::string(name);
    require(mine.got.size() <= other.sent.size() && std::equal(mine.got.begin(), mine.got.end(), other.sent.begin()),
            who + " got other bytes");
    if (on.is_rough() || !mine.began || !other.began)
        return;
    if (mine.how == ending::end) {
        const bool whole = mine.got.size() == other.sent.size();
        const bool orderly = *mine.end == errc::end_of_stream;
        require(!orderly || whole, who + " took a part for the whole");
        // A peer that goes before everything was written, or whose own sending failed, has no orderly end.
        if (is_orderly(other.how) && other.wrote_all && !other.end_failure)
            require(orderly, who + " missed an orderly end: " + error_name(*mine.end));
        require(!orderly || is_orderly(other.how), who + " saw an orderly end that nobody made");
        if (!orderly)
            require(*mine.end == errc::reset || *mine.end == tls::errc::truncated ||
                        *mine.end == std::errc::broken_pipe,
                    who + " read: " + error_name(*mine.end));
    }
    if (mine.write_failure)
        require(other.how != ending::end && other.how != ending::shutdown,
                who + " could not write: " + error_name(*mine.write_failure));
    if (mine.end_failure && is_orderly(other.how) && other.wrote_all)
        require(false, who + " could not end: " + error_name(*mine.end_failure));
}

task<> main_task(scene& on)
{
    std::vector<std::unique_ptr<connection>> all;
    std::size_t accepted = 0;
    // One after the other, so that the server knows which one comes.
    tls::server_options options;
    options.allow_half_open = true;
    options.secure_context = on.server_context;
    tls::server server = tls::create_server(
        options, [&](tls::socket peer) { return take_part(on, std::move(peer), all.at(accepted++)->server); });
    server.on_uncaught([&on](std::exception_ptr failure) { on.note_failure(std::move(failure)); });
    const result<> listening = server.listen({.host = "127.0.0.1"});
    require(listening.has_value(), "endings: listen");
    const std::uint16_t port = server.address()->port();
    for (std::size_t i = 0; i < 1 + on.below(4); ++i) {
        all.push_back(std::make_unique<connection>());
        accepted = i;
        choose(on, all.back()->client);
        choose(on, all.back()->server);
        co_await client(on, *all.back(), port);
        // Of a client that gave up early the server may hear only later.
        static_cast<void>(co_await sleep_for(std::chrono::minutes(20)));
        require(server.connections() == 0, "endings: a connection is left");
        check(on, all.back()->client, all.back()->server, "client");
        check(on, all.back()->server, all.back()->client, "server");
    }
    static_cast<void>(server.close());
    static_cast<void>(co_await server.closed());
}

}  // namespace

void play_endings(scene& on)
{
    on.run(main_task(on));
}

}  // namespace coil::test
