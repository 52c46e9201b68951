// Nothing waits for what posts nothing: sends that tell nobody of their success, and those who come to wait for them.

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/simulation.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t connections = 12;

/// Connections of which every request may have to wait for room in the submission queue.
coil::simulation_options crowded_world(std::uint64_t seed)
{
    coil::simulation_options options;
    options.seed = seed;
    options.submission_entries = seed % 2 == 0 ? 1 : 4;
    options.full_queue = seed % 3 == 0 ? 0 : 0.3;
    options.interruption = seed % 5 == 0 ? 0.3 : 0;
    return options;
}

/// Reads to the end of the other side, but not before it may: what is received would wake the loop that sleeps on nothing.
coil::task<> hold(coil::net::socket peer, coil::event& may_read)
{
    const coil::result<> told = co_await may_read.wait();
    BOOST_TEST(told.has_value());
    std::array<std::byte, 4096> buffer;
    std::size_t total = 0;
    while (true) {
        const coil::result<std::size_t> size = co_await peer.read(buffer);
        if (!size) {
            BOOST_TEST((total == 128U || size.error() != coil::errc::end_of_stream));
            break;
        }
        total += *size;
    }
}

using use = coil::task<>(std::vector<coil::net::socket>& sockets, coil::event& may_read);

/// Opens connections, and has `body` use them.
coil::task<> with_connections(const std::function<use>& body)
{
    coil::event may_read;
    coil::net::server server =
        coil::net::create_server({}, [&](coil::net::socket peer) { return hold(std::move(peer), may_read); });
    server.listen({.host = "127.0.0.1"}).value();
    std::vector<coil::net::socket> sockets;
    for (std::size_t i = 0; i < connections; ++i) {
        coil::net::connect_options options;
        options.host = "127.0.0.1";
        options.port = server.address()->port();
        sockets.push_back(coil::net::connect(options));
        const coil::result<> connected = co_await sockets.back().connect();
        BOOST_REQUIRE(connected.has_value());
    }
    co_await body(sockets, may_read);
    server.close().value();
    static_cast<void>(co_await server.closed());
}

coil::task<> write_to_all(std::vector<coil::net::socket>& sockets)
{
    const std::array<std::byte, 64> bytes{};
    for (coil::net::socket& each : sockets) {
        const coil::result<std::size_t> written = co_await each.write(bytes);
        BOOST_REQUIRE(written.has_value());
    }
}

coil::task<> drain_all(std::vector<coil::net::socket>& sockets)
{
    for (coil::net::socket& each : sockets) {
        const coil::result<> drained = co_await each.drained();
        BOOST_REQUIRE(drained.has_value());
    }
}

coil::task<> end_all(std::vector<coil::net::socket>& sockets)
{
    for (coil::net::socket& each : sockets) {
        const coil::result<> ended = co_await each.end();
        BOOST_REQUIRE(ended.has_value());
    }
}

void play(const std::function<use>& body)
{
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        coil::simulation world(crowded_world(seed));
        BOOST_TEST_INFO("seed " << seed);
        BOOST_CHECK_NO_THROW(world.run(with_connections(body)));
        BOOST_TEST(world.report().pending_operations == 0U);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(quiet_sends_test)

BOOST_AUTO_TEST_CASE(who_waits_for_what_was_sent_quietly_is_told, *boost::unit_test::label("F-03"))
{
    play([](std::vector<coil::net::socket>& sockets, coil::event& may_read) -> coil::task<> {
        for (int round = 0; round < 2; ++round) {
            co_await write_to_all(sockets);
            co_await drain_all(sockets);
        }
        may_read.set();
        co_await end_all(sockets);
    });
}

BOOST_AUTO_TEST_CASE(what_is_written_behind_a_quiet_send_leaves, *boost::unit_test::label("F-03"))
{
    play([](std::vector<coil::net::socket>& sockets, coil::event& may_read) -> coil::task<> {
        co_await write_to_all(sockets);
        const coil::result<> drained = co_await sockets.front().drained();  // the others may wait in the backlog
        BOOST_REQUIRE(drained.has_value());
        co_await write_to_all(sockets);
        co_await drain_all(sockets);
        may_read.set();
        co_await end_all(sockets);
    });
}

BOOST_AUTO_TEST_CASE(a_socket_that_goes_away_behind_a_quiet_send_closes, *boost::unit_test::label("F-03"))
{
    play([](std::vector<coil::net::socket>& sockets, coil::event& may_read) -> coil::task<> {
        co_await write_to_all(sockets);
        const coil::result<> drained = co_await sockets.front().drained();
        BOOST_REQUIRE(drained.has_value());
        co_await write_to_all(sockets);
        sockets.clear();
        may_read.set();
    });
}

BOOST_AUTO_TEST_SUITE_END()
