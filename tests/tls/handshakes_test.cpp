// Many handshakes at once.

#include <coil/tls/server.hpp>

#include <coil/net/connect.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
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
        server.on_tls_client_error(
            [this](const tls::error_info& what, const tls::socket&) { failures.push_back(what.code); });
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

BOOST_AUTO_TEST_CASE(clients_that_stop_midway_take_nobodys_place, *boost::unit_test::label("F-26 BYD-36"))
{
    test::run([]() -> task<> {
        watched_server server({.handshake_timeout = 60s, .max_handshakes = 1});
        tls::engine greeter(tls::create_secure_context({.ca = test::shared_credentials().root.certificate()}),
                            tls::role::client);
        greeter.handshake();
        const std::span<const std::byte> output = greeter.output();
        const std::string hello(reinterpret_cast<const char*>(output.data()), output.size());
        std::vector<net::socket> stalled;
        for (const std::size_t size :
             {std::size_t{0}, std::size_t{1}, std::size_t{7}, hello.size() / 2, hello.size() - 1, hello.size()}) {
            for (int i = 0; i < 5; ++i) {
                auto stalling = stall(server.port, hello.substr(0, size));
                stalled.push_back(co_await stalling);
            }
        }
        auto accepting = test::eventually([&] { return server.server.connections() == 30; });
        const bool accepted = co_await accepting;
        BOOST_TEST(accepted);
        for (int i = 0; i < 3; ++i) {
            tls::socket client = tls::connect(test::client_of(server.port));
            auto connecting = with_timeout(20s, client.secure_connect());
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "");
        }
        BOOST_TEST(server.failures.empty());
    });
}

BOOST_AUTO_TEST_CASE(a_client_hello_may_come_byte_by_byte_and_in_many_records, *boost::unit_test::label("F-26"))
{
    test::run([]() -> task<> {
        watched_server server({.max_handshakes = 1});
        tls::engine greeter(tls::create_secure_context({.ca = test::shared_credentials().root.certificate()}),
                            tls::role::client);
        greeter.handshake();
        const std::span<const std::byte> output = greeter.output();
        // The same message in records of 50 bytes.
        std::string records;
        for (std::span<const std::byte> message = output.subspan(5); !message.empty();) {
            const std::size_t size = std::min<std::size_t>(50, message.size());
            records += std::string("\x16\x03\x01", 3) + '\0' + static_cast<char>(size);
            records.append(reinterpret_cast<const char*>(message.data()), size);
            message = message.subspan(size);
        }
        auto stalling = stall(server.port, records.substr(0, 1));
        net::socket slow = co_await stalling;
        for (const char each : records.substr(1)) {
            const result<std::size_t> written = co_await slow.write(std::as_bytes(std::span(&each, 1)));
            BOOST_TEST(written.has_value());
            const result<> drained = co_await slow.drained();
            BOOST_TEST(drained.has_value());
        }
        std::array<std::byte, 1000> buffer;
        const result<std::size_t> answered = co_await slow.read(buffer);
        BOOST_TEST(answered.has_value());
        BOOST_TEST((buffer[0] == std::byte{22}));  // a ServerHello, no alert
    });
}

BOOST_AUTO_TEST_CASE(a_connection_gets_its_engine_when_it_has_said_something, *boost::unit_test::label("F-25"))
{
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(test::shared_credentials().server), test::echo);
        const std::uint16_t port = test::listen_anywhere(server);
        auto stalling = stall(port, "");
        net::socket silent = co_await stalling;
        auto accepting = test::eventually([&] { return server.connections() == 1; });
        const bool accepted = co_await accepting;
        BOOST_TEST(accepted);
        // What is made only now knows the new certificate.
        const test::identity& other = test::shared_credentials().wrong_name;
        server.set_secure_context({.cert = other.cert, .key = other.key});
        tls::socket_options options;
        options.reject_unauthorized = false;
        options.secure_context = tls::create_secure_context({.ca = test::shared_credentials().root.certificate()});
        tls::socket client(std::move(silent), std::move(options));
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "");
        BOOST_TEST(client.get_peer_certificate()->subject->get("CN").value() == "elsewhere");
    });
}

BOOST_AUTO_TEST_CASE(a_connection_that_waits_for_its_handshake_too_long_is_closed,
                     *boost::unit_test::label("BYD-36 OPT-06"))
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
