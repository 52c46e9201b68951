// Listening sockets whose accepts fail.

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/simulation.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 100;

coil::task<> greet(coil::net::socket peer)
{
    constexpr std::array hello{std::byte('h'), std::byte('i')};
    const coil::result<std::size_t> written = co_await peer.write(hello);
    const coil::result<> ended = co_await peer.end();
    static_cast<void>(written.has_value() && ended.has_value());
}

/// Counts who was greeted.
coil::task<> visit(std::uint16_t port, std::size_t& greeted)
{
    coil::net::connect_options options;
    options.host = "127.0.0.1";
    options.port = port;
    coil::net::socket client = coil::net::connect(options);
    const coil::result<> connected = co_await client.connect();
    std::array<std::byte, 10> buffer;
    const coil::result<std::size_t> size = co_await client.read(buffer);
    greeted += connected && size;
}

coil::task<> visit_often(std::size_t& greeted)
{
    coil::net::server server = coil::net::create_server({}, greet);
    server.on_error([](std::error_code) { BOOST_ERROR("the listening socket is as good as before"); });
    server.listen({.host = "127.0.0.1"}).value();
    {
        coil::scope clients;
        for (int i = 0; i < 20; ++i)
            clients.spawn(visit(server.address()->port(), greeted));
        co_await clients.join();
    }
    BOOST_TEST(server.listening());
    BOOST_TEST(server.close().has_value());
    static_cast<void>(co_await server.closed());
}

coil::task<> wait_for_the_failure(coil::net::server& server, std::error_code& reason)
{
    coil::event reported;
    server.on_error([&](std::error_code why) {
        reason = why;
        reported.set();
    });
    server.listen({.host = "127.0.0.1"}).value();
    std::size_t greeted = 0;
    coil::scope clients;
    clients.spawn(visit(server.address()->port(), greeted));
    const coil::result<> told = co_await reported.wait();
    BOOST_TEST(told.has_value());
    BOOST_TEST(!server.listening());
    co_await clients.join();
    BOOST_TEST(greeted == 0U);
    static_cast<void>(co_await server.closed());
}

coil::task<> meet_the_failure(std::error_code& reason, bool destroys)
{
    coil::net::server server = coil::net::create_server({}, greet);
    if (destroys) {
        // The report itself may end the server.
        coil::event gone;
        coil::net::server doomed = coil::net::create_server({}, greet);
        std::optional<coil::net::server> held(std::move(doomed));
        held->on_error([&](std::error_code why) {
            reason = why;
            held.reset();
            gone.set();
        });
        held->listen({.host = "127.0.0.1"}).value();
        std::size_t greeted = 0;
        coil::scope clients;
        clients.spawn(visit(held->address()->port(), greeted));
        const coil::result<> told = co_await gone.wait();
        BOOST_TEST(told.has_value());
        co_await clients.join();
        co_return;
    }
    co_await wait_for_the_failure(server, reason);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(listener_test)

BOOST_AUTO_TEST_CASE(an_accept_that_was_given_up_or_failed_once_is_made_again, *boost::unit_test::label("F-39"))
{
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        coil::simulation world({.accept_failure = 0.4, .multishot = seed % 2 == 0, .seed = seed});
        std::size_t greeted = 0;
        BOOST_TEST_INFO("seed " << seed);
        BOOST_CHECK_NO_THROW(world.run(visit_often(greeted)));
        BOOST_TEST(greeted > 0U);
        BOOST_TEST(world.open_descriptors() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(a_socket_that_cannot_accept_is_reported_once_and_closed, *boost::unit_test::label("F-39"))
{
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        coil::simulation world({.listener_failure = 1, .seed = seed});
        std::error_code reason;
        BOOST_TEST_INFO("seed " << seed);
        BOOST_CHECK_NO_THROW(world.run(meet_the_failure(reason, seed % 2 == 0)));
        BOOST_TEST((reason == std::errc::invalid_argument || reason == std::errc::not_a_socket), reason.message());
        BOOST_TEST(world.open_descriptors() == 0U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
