// How a server comes to its end, and what becomes of its connections and of their exceptions then.
#include <coil/net/server.hpp>

#include "tests/support/child_end.hpp"
#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/shielded.hpp>
#include <coil/runtime/simulation.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/with_stop.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace coil;
using namespace coil::net;
using namespace coil::test;
using namespace std::chrono_literals;

template <class F>
void run(F body)
{
    loop here;
    const auto outer = [&]() -> task<> {
        const process_counts before = process_counts::now();
        co_await body();
        co_await counts_return_to(before);
    };
    here.run(outer());
}

/// A world in which waiting costs nothing and nothing goes wrong.
simulation_options calm()
{
    simulation_options options;
    options.early_end = options.full_queue = options.interruption = options.no_buffer = options.short_read = 0;
    return options;
}

task<> pause(std::chrono::nanoseconds time = 2ms)
{
    const result<> slept = co_await sleep_for(time);
    slept.value();
}

task<> echo(net::socket socket)
{
    std::array<std::byte, 64> buffer;
    while (true) {
        const result<std::size_t> count = co_await socket.read(buffer);
        if (!count)
            break;
        const result<std::size_t> written = co_await socket.write(std::span(buffer).first(*count));
        if (!written)
            break;
    }
    static_cast<void>(co_await socket.end());
}

task<net::socket> client_of(const net::server& server)
{
    const connect_options options{.host = "127.0.0.1", .port = server.address()->port()};
    net::socket socket = net::connect(options);
    const result<> connected = co_await socket.connect();
    BOOST_REQUIRE(connected.has_value());
    co_return socket;
}

/// Sends `text` and reads the answer. @return it, or the name of the error.
task<std::string> ask(net::socket& with, std::string text)
{
    const result<std::size_t> written = co_await with.write(bytes_of(text));
    if (!written)
        co_return error_name(written.error());
    std::array<std::byte, 64> buffer{};
    const result<std::size_t> count = co_await with_timeout(5s, with.read(buffer));
    if (!count)
        co_return error_name(count.error());
    co_return text_of(std::span(buffer).first(*count));
}

/// Waits until the server has `count` connections.
task<> connections_are(const net::server& server, std::size_t count)
{
    for (int i = 0; i < 2000 && server.connections() != count; ++i)
        co_await pause(1ms);
    BOOST_TEST(server.connections() == count);
}

BOOST_AUTO_TEST_SUITE(server_shutdown_test)

BOOST_AUTO_TEST_CASE(waiting_for_the_close_tells_how_it_ended, *boost::unit_test::label("stop model"))
{
    run([]() -> task<> {
        std::optional<net::server> server(create_server({}, echo));
        server->listen({.host = "127.0.0.1"}).value();
        const result<> late = co_await with_timeout(2ms, server->closed());
        BOOST_TEST(late.error() == make_error_code(errc::timed_out));
        std::vector<std::error_code> ends;
        scope waiters;
        const auto wait = [&]() -> task<> {
            const result<> closed = co_await server->closed();
            ends.push_back(closed.error());
        };
        waiters.spawn(wait());
        co_await pause();
        waiters.request_stop();
        co_await waiters.join();
        scope others;
        others.spawn(wait());
        co_await pause();
        server.reset();
        co_await others.join();
        const std::vector<std::error_code> expected{errc::canceled, errc::destroyed};
        BOOST_TEST((ends == expected));
        net::server closes = create_server({}, echo);
        closes.listen({.host = "127.0.0.1"}).value();
        closes.close().value();
        const result<> closed = co_await closes.closed();
        BOOST_TEST(closed.has_value());
    });
}

BOOST_AUTO_TEST_CASE(a_shutdown_lets_connections_finish, *boost::unit_test::label("stop model"))
{
    run([]() -> task<> {
        net::server server = create_server({}, echo);
        server.listen({.host = "127.0.0.1"}).value();
        net::socket client = co_await client_of(server);
        std::string answer = co_await ask(client, "before");
        BOOST_TEST(answer == "before");
        std::optional<std::size_t> cut_off;
        scope shutting;
        shutting.spawn([&]() -> task<> { cut_off = co_await server.shutdown(1h); });
        co_await pause();
        BOOST_TEST(!server.listening());
        BOOST_TEST(server.listen({.host = "127.0.0.1"}).error() == make_error_code(errc::already_in_progress));
        answer = co_await ask(client, "meanwhile");
        BOOST_TEST(answer == "meanwhile");
        BOOST_TEST(!cut_off.has_value());
        const result<> ended = co_await client.end();
        ended.value();
        co_await shutting.join();
        BOOST_TEST((cut_off == 0U));
        server.listen({.host = "127.0.0.1"}).value();
        const std::size_t none = co_await server.shutdown(0s);
        BOOST_TEST(none == 0U);
    });
}

BOOST_AUTO_TEST_CASE(what_is_open_at_the_deadline_of_a_shutdown_is_stopped_and_counted,
                     *boost::unit_test::label("stop model"))
{
    run([]() -> task<> {
        int stopped = 0;
        net::server server = create_server({}, [&stopped](net::socket socket) -> task<> {
            std::array<std::byte, 8> buffer{};
            const result<std::size_t> count = co_await socket.read(buffer);
            stopped += count.error() == errc::canceled;
        });
        server.listen({.host = "127.0.0.1"}).value();
        net::socket one = co_await client_of(server);
        net::socket two = co_await client_of(server);
        co_await connections_are(server, 2);
        const std::size_t cut_off = co_await server.shutdown(3ms);
        BOOST_TEST(cut_off == 2U);
        BOOST_TEST(stopped == 2);
        BOOST_TEST(server.connections() == 0U);
    });
}

BOOST_AUTO_TEST_CASE(a_stop_of_who_waits_for_a_shutdown_ends_the_grace, *boost::unit_test::label("stop model"))
{
    run([]() -> task<> {
        net::server server = create_server({}, echo);
        server.listen({.host = "127.0.0.1"}).value();
        net::socket client = co_await client_of(server);
        co_await connections_are(server, 1);
        std::optional<std::size_t> cut_off;
        scope shutting;
        shutting.spawn([&]() -> task<> { cut_off = co_await server.shutdown(1h); });
        co_await pause();
        shutting.request_stop();
        co_await shutting.join();
        BOOST_TEST((cut_off == 1U));
        BOOST_TEST(server.connections() == 0U);
    });
}

task<> ignore_the_stop(net::socket)
{
    event never;
    const result<> got = co_await shielded(never.wait());
    BOOST_TEST(!got.has_value());
}

BOOST_AUTO_TEST_CASE(handlers_that_ignore_the_stop_are_destroyed_a_moment_later, *boost::unit_test::label("stop model"))
{
    simulation world(calm());
    const auto body = []() -> task<> {
        net::server server = create_server({}, ignore_the_stop);
        server.listen({.host = "127.0.0.1", .port = 80}).value();
        net::socket client = co_await client_of(server);
        co_await connections_are(server, 1);
        const std::size_t cut_off = co_await server.shutdown(1min);
        BOOST_TEST(cut_off == 1U);
        BOOST_TEST(server.connections() == 0U);
    };
    world.run(body());
    BOOST_TEST((world.report().elapsed > 1min && world.report().elapsed < 70s));
}

BOOST_AUTO_TEST_CASE(a_handler_may_shut_its_own_server_down, *boost::unit_test::label("F-31"))
{
    simulation world(calm());
    const auto body = []() -> task<> {
        net::server* self = nullptr;
        bool went_on = false;
        net::server server = create_server({}, [&](net::socket socket) -> task<> {
            std::array<std::byte, 8> buffer{};
            static_cast<void>(co_await socket.read(buffer));
            const std::size_t cut_off = co_await self->shutdown(1s);
            went_on = cut_off > 0;
        });
        self = &server;
        server.listen({.host = "127.0.0.1", .port = 80}).value();
        net::socket client = co_await client_of(server);
        const std::string gone = co_await ask(client, "quit");
        BOOST_TEST((gone == "EOF" || gone == "ECONNRESET"), gone);
        const result<> closed = co_await server.closed();
        BOOST_TEST(closed.has_value());
        BOOST_TEST(!went_on);
    };
    world.run(body());
}

BOOST_AUTO_TEST_CASE(a_server_may_be_destroyed_during_its_shutdown, *boost::unit_test::label("stop model"))
{
    run([]() -> task<> {
        std::optional<net::server> server(create_server({}, echo));
        server->listen({.host = "127.0.0.1"}).value();
        net::socket client = co_await client_of(*server);
        co_await connections_are(*server, 1);
        std::optional<std::size_t> cut_off;
        scope shutting;
        shutting.spawn([&]() -> task<> { cut_off = co_await server->shutdown(1h); });
        co_await pause();
        server.reset();
        co_await shutting.join();
        BOOST_TEST((cut_off == 0U));
    });
}

BOOST_AUTO_TEST_CASE(a_loop_that_drains_closes_its_servers_and_those_that_come_later,
                     *boost::unit_test::label("stop model"))
{
    run([]() -> task<> {
        loop& here = loop::current();
        BOOST_TEST(!here.draining().stop_requested());
        net::server server = create_server({}, [](net::socket socket) -> task<> {
            std::array<std::byte, 8> buffer{};
            const auto more = socket.read(buffer);
            const result<std::size_t> first = co_await with_stop(loop::current().draining(), more);
            BOOST_TEST(first.error() == make_error_code(errc::canceled));
            const result<> ended = co_await socket.end();  // nothing else was stopped
            BOOST_TEST(ended.has_value());
        });
        server.listen({.host = "127.0.0.1"}).value();
        net::socket client = co_await client_of(server);
        co_await connections_are(server, 1);
        BOOST_TEST(here.begin_drain());
        BOOST_TEST(!server.listening());
        std::array<std::byte, 8> buffer{};
        const result<std::size_t> end = co_await client.read(buffer);
        BOOST_TEST(end.error() == make_error_code(errc::end_of_stream));
        client.destroy();
        const result<> closed = co_await server.closed();
        BOOST_TEST(closed.has_value());
        BOOST_TEST(!here.begin_drain());

        net::server late = create_server({}, echo);
        late.listen({.host = "127.0.0.1"}).value();
        BOOST_TEST(late.address().has_value());
        const result<> closed_too = co_await late.closed();
        BOOST_TEST(closed_too.has_value());
    });
}

BOOST_AUTO_TEST_CASE(the_next_run_of_a_loop_that_drained_starts_afresh, *boost::unit_test::label("stop model"))
{
    loop here;
    const auto drain = []() -> task<> {
        BOOST_TEST(!loop::current().begin_drain());
        co_return;
    };
    here.run(drain());
    const auto serve = []() -> task<> {
        net::server server = create_server({}, echo);
        server.listen({.host = "127.0.0.1"}).value();
        co_await pause();
        BOOST_TEST(server.listening());
    };
    here.run(serve());
}

task<> fail(net::socket socket)
{
    std::array<std::byte, 8> buffer{};
    static_cast<void>(co_await socket.read(buffer));
    throw std::runtime_error("asked for");
}

task<> make_one_fail()
{
    net::server server = create_server({}, fail);
    server.listen({.host = "127.0.0.1"}).value();
    net::socket client = co_await client_of(server);
    static_cast<void>(co_await ask(client, "!"));
    co_await connections_are(server, 0);
    co_await pause();
}

BOOST_AUTO_TEST_CASE(an_exception_of_a_handler_goes_to_the_loop_where_the_server_tells_nobody,
                     *boost::unit_test::label("F-07"))
{
    loop here;
    std::vector<std::string> caught;
    here.on_uncaught([&](const std::exception_ptr& what) {
        try {
            std::rethrow_exception(what);
        } catch (const std::exception& error) {
            caught.push_back(error.what());
        }
    });
    here.run(make_one_fail());
    BOOST_TEST(caught == std::vector<std::string>{"asked for"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_exception_of_a_handler_that_nobody_is_told_is_a_line_on_stderr,
                     *boost::unit_test::label("F-07"))
{
    const child_end end = end_of_child([] {
        loop here;
        here.run(make_one_fail());
    });
    BOOST_TEST(end.signal == 0);
    BOOST_TEST(end.message == "coil: an exception left a connection handler: asked for\n");
}

BOOST_AUTO_TEST_CASE(the_server_may_be_destroyed_when_an_exception_is_told, *boost::unit_test::label("F-31"))
{
    run([]() -> task<> {
        std::optional<net::server> server(create_server({}, fail));
        event gone;
        server->on_uncaught([&](const std::exception_ptr&) {
            server.reset();
            gone.set();
        });
        server->listen({.host = "127.0.0.1"}).value();
        net::socket other = co_await client_of(*server);
        net::socket client = co_await client_of(*server);
        co_await connections_are(*server, 2);
        static_cast<void>(co_await ask(client, "!"));
        const result<> destroyed = co_await with_timeout(5s, gone.wait());
        BOOST_TEST(destroyed.has_value());
    });
}

BOOST_AUTO_TEST_CASE(a_handler_that_destroys_its_server_is_stopped_with_a_message,
                     *boost::unit_test::label("F-31") * boost::unit_test::enable_if<coil::internal::checks_misuse>())
{
    BOOST_TEST(stops_with("a server is destroyed by one of its own connection handlers", [] {
        loop here;
        const auto body = []() -> task<> {
            std::optional<net::server> server;
            server.emplace(create_server({}, [&server](net::socket socket) -> task<> {
                const auto talk = [&]() -> task<> {
                    std::array<std::byte, 8> buffer{};
                    static_cast<void>(co_await socket.read(buffer));
                };
                co_await talk();
                server.reset();
            }));
            server->listen({.host = "127.0.0.1"}).value();
            net::socket client = co_await client_of(*server);
            static_cast<void>(co_await ask(client, "!"));
        };
        here.run(body());
    }));
}

BOOST_AUTO_TEST_CASE(an_empty_handler_is_refused, *boost::unit_test::label("F-41"))
{
    BOOST_CHECK_THROW(static_cast<void>(create_server({}, net::server::connection_handler())), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
