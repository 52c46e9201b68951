#include <coil/runtime/run_until_signal.hpp>

#include "tests/support/child_end.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

bool is_blocked(int number)
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return sigismember(&now, number) == 1;
}

run_until_signal_options with_grace(std::chrono::nanoseconds grace)
{
    run_until_signal_options options;
    options.grace = grace;
    options.stop_signals = {SIGUSR1};
    return options;
}

task<> echo(net::socket socket)
{
    std::array<std::byte, 16> buffer;
    while (auto got = co_await socket.read(buffer)) {
        const result<std::size_t> written = co_await socket.write(std::span(buffer).first(*got));
        if (!written)
            co_return;
    }
    static_cast<void>(co_await socket.end());
}

task<net::socket> client_of(std::uint16_t port)
{
    net::connect_options options;
    options.host = "127.0.0.1";
    options.port = port;
    net::socket socket = net::connect(std::move(options));
    const result<> connected = co_await socket.connect();
    connected.value();
    co_return socket;
}

task<bool> is_echoed(net::socket& with)
{
    std::array<std::byte, 1> letter{std::byte{'x'}};
    const result<std::size_t> written = co_await with.write(letter);
    const result<std::size_t> got = co_await with.read(letter);
    co_return written&& got;
}

/// Sends the signal once a client is served, and serves it on.
task<result<>> serve_over_a_signal(bool client_leaves)
{
    net::server server = net::create_server(net::server_options(), echo);
    server.listen({.host = "127.0.0.1"}).value();
    net::socket client = co_await client_of(server.address()->port());
    bool echoed = co_await is_echoed(client);
    BOOST_TEST(echoed);
    ::kill(::getpid(), SIGUSR1);
    while (server.listening()) {
        const result<> slept = co_await sleep_for(1ms);
        slept.value();
    }
    BOOST_TEST(!is_blocked(SIGUSR1));
    if (client_leaves) {
        echoed = co_await is_echoed(client);
        BOOST_TEST(echoed);
        const result<> ended = co_await client.end();
        ended.value();
    }
    const result<> closed = co_await server.closed();
    co_return closed;
}

BOOST_AUTO_TEST_SUITE(run_until_signal_test)

BOOST_AUTO_TEST_CASE(without_a_signal_it_is_an_ordinary_run)
{
    loop here;
    const auto number = []() -> task<int> {
        BOOST_TEST(is_blocked(SIGUSR1));
        const result<> slept = co_await sleep_for(1ms);
        slept.value();
        co_return 5;
    };
    BOOST_TEST(run_until_signal(here, number(), with_grace(1h)) == 5);
    BOOST_TEST(!is_blocked(SIGUSR1));
    const auto failing = []() -> task<> {
        const result<> slept = co_await sleep_for(1ms);
        slept.value();
        throw std::runtime_error("failed");
    };
    BOOST_CHECK_THROW(run_until_signal(here, failing(), with_grace(1h)), std::runtime_error);
    BOOST_TEST(!is_blocked(SIGUSR1));
}

BOOST_AUTO_TEST_CASE(a_signal_lets_connections_finish_and_main_returns_by_itself,
                     *boost::unit_test::label("stop model"))
{
    loop here;
    const result<> closed = run_until_signal(here, serve_over_a_signal(true), with_grace(1h));
    BOOST_TEST(closed.has_value());
}

BOOST_AUTO_TEST_CASE(when_the_grace_is_over_main_is_stopped, *boost::unit_test::label("stop model"))
{
    loop here;
    const result<> closed = run_until_signal(here, serve_over_a_signal(false), with_grace(20ms));
    BOOST_TEST(closed.error() == make_error_code(errc::canceled));
}

BOOST_AUTO_TEST_CASE(without_a_server_main_is_stopped_at_once, *boost::unit_test::label("stop model"))
{
    loop here;
    const auto waiting = []() -> task<bool> {
        ::kill(::getpid(), SIGUSR1);
        const result<> slept = co_await sleep_for(1h);
        co_return slept.error() == errc::canceled;
    };
    BOOST_TEST(run_until_signal(here, waiting(), with_grace(1h)));
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_the_program_at_once, *boost::unit_test::label("stop model"))
{
    const child_end end = end_of_child([] {
        std::signal(SIGUSR1, SIG_DFL);
        loop here;
        const auto stubborn = []() -> task<> {
            net::server server = net::create_server(net::server_options(), echo);
            server.listen({.host = "127.0.0.1"}).value();
            net::socket client = co_await client_of(server.address()->port());
            ::kill(::getpid(), SIGUSR1);
            while (server.listening())
                static_cast<void>(co_await sleep_for(1ms));
            ::kill(::getpid(), SIGUSR1);
            static_cast<void>(co_await sleep_for(1h));
        };
        run_until_signal(here, stubborn(), with_grace(1h));
    });
    BOOST_TEST(end.signal == SIGUSR1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
