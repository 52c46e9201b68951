// Many handshakes at once.

#include <coil/tls/server.hpp>

#include <coil/net/connect.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;

namespace {

/// An echo server that counts the connections that became secure, and notes why others did not.
struct watched_server {
    explicit watched_server(tls::server_options options)
        : server(tls::create_server(test::serving(test::shared_credentials().server, std::move(options)),
                                    [this](tls::socket socket) {
                                        ++secure;
                                        return test::echo(std::move(socket));
                                    })),
          port(test::listen_anywhere(server))
    {
        server.on_tls_client_error([this](const tls::error_info& what, const tls::socket&) { failures.push_back(what.code); });
    }
    watched_server(const watched_server&) = delete;

    int secure = 0;
    std::vector<std::string> failures;
    tls::server server;
    std::uint16_t port;
};

/// Connects, sends `greeting` and no more.
task<net::socket> stall(std::uint16_t port, std::string greeting)
{
    net::socket client = net::connect({.host = "127.0.0.1", .port = port});
    auto connecting = client.connect();
    const result<> connected = co_await connecting;
    BOOST_TEST(connected.has_value());
    if (!greeting.empty()) {
        const result<std::size_t> written = co_await client.write(std::as_bytes(std::span(greeting)));
        BOOST_TEST(written.has_value());
    }
    co_return client;
}

const std::string begun_handshake = "\x16";

}  // namespace

BOOST_AUTO_TEST_SUITE(handshakes_test)

BOOST_AUTO_TEST_CASE(open_connections_are_served_between_the_steps_of_handshakes)
{
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(test::shared_credentials().server), test::echo);
        const std::uint16_t port = test::listen_anywhere(server);
        tls::socket talking = tls::connect(test::client_of(port));
        auto opening = talking.secure_connect();
        const result<> opened = co_await opening;
        BOOST_TEST_REQUIRE(opened.has_value());

        constexpr int count = 16;
        int shaken = 0;
        std::vector<tls::socket> clients;
        for (int i = 0; i < count; ++i)
            clients.push_back(tls::connect(test::client_of(port)));
        scope connecting;
        for (tls::socket& client : clients) {
            auto handshake = [&client, &shaken]() -> task<> {
                auto securing = client.secure_connect();
                const result<> connected = co_await securing;
                BOOST_TEST(connected.has_value());
                ++shaken;
            };
            connecting.spawn(handshake);
        }
        // Each handshake has three steps that take long, two of them the server's; an echo takes two turns of the loop.
        int echoes = 0;
        while (shaken < count) {
            auto exchange = test::echoes(talking, "in between");
            const bool echoed = co_await exchange;
            BOOST_TEST_REQUIRE(echoed);
            ++echoes;
        }
        BOOST_TEST(echoes >= count);
        co_await connecting.join();
    });
}

BOOST_AUTO_TEST_CASE(handshakes_above_the_limit_wait_for_one_to_end)
{
    test::run([]() -> task<> {
        watched_server server({.handshake_timeout = 5s, .max_handshakes = 1});
        auto saying_nothing = stall(server.port, "");
        const net::socket silent = co_await saying_nothing;  // takes no place
        auto stalling = stall(server.port, begun_handshake);
        std::optional<net::socket> stalled = co_await stalling;
        auto taken = test::eventually([&] { return server.server.connections() == 2; });
        const bool there = co_await taken;
        BOOST_TEST_REQUIRE(there);

        tls::socket client = tls::connect(test::client_of(server.port));
        auto impatient = with_timeout(200ms, client.secure_connect());
        const result<> waited = co_await impatient;
        BOOST_TEST((waited.error() == errc::timed_out));
        BOOST_TEST(server.secure == 0);
        stalled.reset();
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "");
        // The place of a handshake that has ended is free again.
        tls::socket next = tls::connect(test::client_of(server.port));
        auto connecting_next = next.secure_connect();
        const result<> next_connected = co_await connecting_next;
        BOOST_TEST(name_of(next_connected) == "");
    });
}

BOOST_AUTO_TEST_CASE(a_connection_that_waits_for_its_handshake_too_long_is_closed)
{
    test::run([]() -> task<> {
        watched_server server({.handshake_timeout = 300ms, .max_handshakes = 1});
        auto stalling = stall(server.port, begun_handshake);
        net::socket stalled = co_await stalling;
        auto second = stall(server.port, begun_handshake);
        net::socket waiting = co_await second;
        auto ended = test::eventually([&] { return server.failures.size() == 2; });
        const bool both = co_await ended;
        BOOST_TEST_REQUIRE(both);
        for (const std::string& code : server.failures)
            BOOST_TEST(code == "ERR_TLS_HANDSHAKE_TIMEOUT");
        std::error_code why;
        auto reading = test::read_all(waiting, why);
        co_await reading;
        BOOST_TEST((why == errc::end_of_stream || why == errc::reset), why.message());
        tls::socket next = tls::connect(test::client_of(server.port));
        auto connecting_next = next.secure_connect();
        const result<> next_connected = co_await connecting_next;
        BOOST_TEST(name_of(next_connected) == "");
    });
}

BOOST_AUTO_TEST_SUITE_END()
