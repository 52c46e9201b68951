#include "tests/support/credentials.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/simulation.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/connect.hpp>
#include <coil/tls/server.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <vector>

namespace {

using namespace std::chrono_literals;

coil::simulation_options narrow_world(std::uint64_t seed)
{
    coil::simulation_options options;
    options.seed = seed;
    options.socket_buffer = 512;
    return options;
}

const std::vector<std::byte>& much()
{
    static const std::vector<std::byte> bytes(100'000, std::byte(7));
    return bytes;
}

coil::task<> write_and_shut_down(coil::tls::socket socket)
{
    const coil::result<std::size_t> written = co_await socket.write(much());
    BOOST_TEST(written.has_value());
    auto ending = socket.shutdown(10min);
    const coil::result<> ended = co_await ending;
    BOOST_TEST(ended.has_value(), ended.error().message());
}

coil::task<> shut_down_both()
{
    const coil::test::credentials& all = coil::test::shared_credentials();
    coil::tls::server server = coil::tls::create_server(
        {.secure_context = {{.cert = all.server.cert, .key = all.server.key}}}, write_and_shut_down);
    server.listen({.host = "127.0.0.1"}).value();
    coil::tls::connect_options options;
    options.host = "127.0.0.1";
    options.port = server.address()->port();
    options.secure_context = {{.ca = all.root.certificate()}};
    coil::tls::socket client = coil::tls::connect(std::move(options));
    const coil::result<> secure = co_await client.secure_connect();
    BOOST_TEST(secure.has_value());
    co_await write_and_shut_down(std::move(client));
    server.close().value();
    static_cast<void>(co_await server.closed());
    // Whoever waits for the other's end until the limit has not read meanwhile.
    BOOST_TEST((coil::loop::current().now() - std::chrono::steady_clock::time_point(1h) < 5min));
}

/// Resets the connection once something of it was read.
coil::task<> reset_midway(coil::net::socket peer)
{
    std::array<std::byte, 100> buffer;
    const coil::result<std::size_t> got = co_await peer.read(buffer);
    BOOST_TEST(got.has_value());
    peer.reset_and_destroy();
}

/// A client that is writing when the connection is reset.
coil::task<> meet_a_reset(bool end_at_once)
{
    coil::net::server server = coil::net::create_server({}, reset_midway);
    server.listen({.host = "127.0.0.1"}).value();
    coil::net::connect_options options;
    options.host = "127.0.0.1";
    options.port = server.address()->port();
    coil::net::socket client = coil::net::connect(options);
    const coil::result<> connected = co_await client.connect();
    BOOST_TEST(connected.has_value());
    const std::size_t size = end_at_once ? 300 : much().size();
    const coil::result<std::size_t> written = co_await client.write(std::span(much()).first(size));
    BOOST_TEST(written.has_value());
    if (end_at_once) {
        static_cast<void>(co_await coil::sleep_for(1s));
        const coil::result<> ended = co_await client.end();
        BOOST_TEST((ended.error() == coil::errc::reset), ended.error().message());
    }
    std::array<std::byte, 100> buffer;
    const coil::result<std::size_t> got = co_await client.read(buffer);
    BOOST_TEST((got.error() == coil::errc::reset), got.error().message());
    server.close().value();
    static_cast<void>(co_await server.closed());
}

/// Accepts 100,000 bytes for sending and is gone, with a word about the end or without.
coil::task<> pour_and_leave(coil::net::socket peer, bool ends)
{
    const coil::result<std::size_t> written = co_await peer.write(much());
    BOOST_TEST(written.has_value());
    if (!ends)
        co_return;
    auto ending = coil::with_timeout(0ns, peer.end());
    static_cast<void>(co_await ending);
}

/// Reads to the end, a little every half second. @return how much came before `why`.
coil::task<std::size_t> sip(coil::net::socket& from, std::error_code& why)
{
    std::array<std::byte, 1000> buffer;
    std::size_t size = 0;
    while (!why) {
        static_cast<void>(co_await coil::sleep_for(500ms));
        const coil::result<std::size_t> got = co_await from.read(buffer);
        why = got.error();
        size += got ? *got : 0;
    }
    co_return size;
}

coil::net::socket client_of(const coil::net::server& server)
{
    coil::net::connect_options options;
    options.allow_half_open = true;
    options.host = "127.0.0.1";
    options.port = server.address()->port();
    return coil::net::connect(options);
}

coil::task<> read_slowly(bool ends, std::chrono::nanoseconds pause)
{
    coil::net::server server =
        coil::net::create_server({}, [ends](coil::net::socket peer) { return pour_and_leave(std::move(peer), ends); });
    server.listen({.host = "127.0.0.1"}).value();
    coil::net::socket client = client_of(server);
    const coil::result<> connected = co_await client.connect();
    BOOST_TEST(connected.has_value());
    static_cast<void>(co_await coil::sleep_for(pause));
    std::error_code why;
    const std::size_t size = co_await sip(client, why);
    if (ends && pause < 10s) {
        BOOST_TEST((why == coil::errc::end_of_stream), why.message());
        BOOST_TEST(size == much().size());
    } else {
        BOOST_TEST((why == coil::errc::reset), why.message());
        BOOST_TEST(size <= much().size());
    }
    server.close().value();
    static_cast<void>(co_await server.closed());
}

/// Refuses what the client has only begun to send.
coil::task<> refuse(coil::net::socket peer)
{
    std::array<std::byte, 100> buffer;
    const coil::result<std::size_t> got = co_await peer.read(buffer);
    BOOST_TEST(got.has_value());
    const coil::result<std::size_t> written = co_await peer.write(std::span(much()).first(50));
    BOOST_TEST(written.has_value());
    const coil::result<> ended = co_await peer.end();
    BOOST_TEST(ended.has_value());
}

/// Sends for twenty seconds and only then looks for an answer.
coil::task<> upload_and_look()
{
    coil::net::server server = coil::net::create_server({}, refuse);
    server.listen({.host = "127.0.0.1"}).value();
    coil::net::socket client = client_of(server);
    const coil::result<> connected = co_await client.connect();
    BOOST_TEST(connected.has_value());
    for (int i = 0; i < 40; ++i) {
        const coil::result<std::size_t> written = co_await client.write(std::span(much()).first(300));
        BOOST_TEST(written.has_value());
        static_cast<void>(co_await coil::sleep_for(500ms));
    }
    std::error_code why;
    const std::size_t size = co_await sip(client, why);
    BOOST_TEST(size == 50U);
    BOOST_TEST((why == coil::errc::end_of_stream), why.message());
    server.close().value();
    static_cast<void>(co_await server.closed());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ending_races_test)

BOOST_AUTO_TEST_CASE(a_slow_reader_gets_everything_and_the_end, *boost::unit_test::label("F-02"))
{
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        coil::simulation world(narrow_world(seed));
        world.run(read_slowly(true, 0s));
    }
}

BOOST_AUTO_TEST_CASE(a_reader_that_stops_is_reset_and_sees_no_end, *boost::unit_test::label("F-02"))
{
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        coil::simulation world(narrow_world(seed));
        world.run(read_slowly(true, 5min));
    }
}

BOOST_AUTO_TEST_CASE(a_slow_reader_of_what_was_cut_off_sees_no_end, *boost::unit_test::label("F-01"))
{
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        coil::simulation world(narrow_world(seed));
        world.run(read_slowly(false, 0s));
    }
}

BOOST_AUTO_TEST_CASE(a_client_that_is_still_sending_gets_the_refusal, *boost::unit_test::label("F-08"))
{
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        coil::simulation world(narrow_world(seed));
        world.run(upload_and_look());
    }
}

BOOST_AUTO_TEST_CASE(two_sides_that_shut_down_with_bytes_queued_take_them_from_each_other)
{
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        coil::simulation world(narrow_world(seed));
        world.run(shut_down_both());
    }
}

BOOST_AUTO_TEST_CASE(a_reset_under_a_send_is_no_end_of_stream)
{
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        coil::simulation world(narrow_world(seed));
        world.run(meet_a_reset(false));
    }
}

BOOST_AUTO_TEST_CASE(the_end_of_a_connection_that_was_reset_reports_the_reset)
{
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        coil::simulation world(narrow_world(seed));
        world.run(meet_a_reset(true));
    }
}

BOOST_AUTO_TEST_SUITE_END()
