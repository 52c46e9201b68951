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
    coil::tls::server_options serving;
    serving.secure_context.cert = coil::test::shared_credentials().server.cert;
    serving.secure_context.key = coil::test::shared_credentials().server.key;
    coil::tls::server server = coil::tls::create_server(serving, write_and_shut_down);
    server.listen({.host = "127.0.0.1"}).value();
    coil::tls::connect_options options;
    options.host = "127.0.0.1";
    options.port = server.address()->port();
    options.secure_context.ca = coil::test::shared_credentials().root.certificate();
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

}  // namespace

BOOST_AUTO_TEST_SUITE(ending_races_test)

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
