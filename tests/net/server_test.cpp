#include <coil/net/server.hpp>

#include "tests/support/child_end.hpp"
#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>

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

task<> pause(std::chrono::nanoseconds time = 2ms)
{
    const result<> slept = co_await sleep_for(time);
    slept.value();
}

task<> echo(net::socket socket)
{
    std::array<std::byte, 1024> buffer;
    while (true) {
        const result<std::size_t> count = co_await socket.read(buffer);
        if (!count)
            break;
        const result<std::size_t> written = co_await socket.write(std::span(buffer).first(*count));
        if (!written)
            break;
    }
}

/// A connected client of `server`.
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
    std::array<std::byte, 1024> buffer{};
    const result<std::size_t> count = co_await with_timeout(5s, with.read(buffer));
    if (!count)
        co_return error_name(count.error());
    co_return text_of(std::span(buffer).first(*count));
}

/// Waits until the server has no more connections than `count`.
task<> connections_fall_to(const net::server& server, std::size_t count)
{
    for (int i = 0; i < 2000 && server.connections() > count; ++i)
        co_await pause(1ms);
    BOOST_TEST(server.connections() == count);
}

BOOST_AUTO_TEST_SUITE(server_test)

BOOST_AUTO_TEST_CASE(serves_many_clients_at_once, *boost::unit_test::label("EVT-12 NET-09 SRV-03"))
{
    run([]() -> task<> {
        net::server server = create_server({.keep_alive = true, .no_delay = true}, echo);
        BOOST_TEST(!server.listening());
        BOOST_TEST(!server.address().has_value());
        server.listen({.host = "127.0.0.1"}).value();
        BOOST_TEST(server.listening());
        scope clients;
        for (int i = 0; i < 50; ++i)
            clients.spawn([&server, i]() -> task<> {
                net::socket client = co_await client_of(server);
                for (int round = 0; round < 10; ++round) {
                    const std::string text = std::to_string(i * 1000 + round);
                    const std::string answer = co_await ask(client, text);
                    BOOST_TEST(answer == text);
                }
            });
        co_await clients.join();
        co_await connections_fall_to(server, 0);
        server.close().value();
        static_cast<void>(co_await server.closed());
    });
}

BOOST_AUTO_TEST_CASE(listens_on_every_address_unless_told_otherwise, *boost::unit_test::label("NET-10 NET-12"))
{
    run([]() -> task<> {
        net::server server = create_server({}, echo);
        server.listen({}).value();
        BOOST_TEST((server.address()->family() == address_family::ipv6));
        net::socket v4 = co_await client_of(server);
        const std::string answer = co_await ask(v4, "over IPv4");
        BOOST_TEST(answer == "over IPv4");
        server.close().value();
        v4.destroy();
        static_cast<void>(co_await server.closed());
        server.listen({.ipv6_only = true}).value();
        const connect_options options{.host = "127.0.0.1", .port = server.address()->port()};
        net::socket refused = net::connect(options);
        const result<> connected = co_await refused.connect();
        BOOST_TEST(error_name(connected.error()) == "ECONNREFUSED");
    });
}

BOOST_AUTO_TEST_CASE(says_why_it_cannot_listen, *boost::unit_test::label("ERR-28 NET-10 NET-15 NET-16"))
{
    const temporary_folder folder;
    run([&folder]() -> task<> {
        net::server server = create_server({}, echo);
        server.listen({.host = "127.0.0.1"}).value();
        const result<> twice = server.listen({.host = "127.0.0.1"});
        BOOST_TEST(twice.error() == make_error_code(errc::already_listening));

        net::server other = create_server({}, echo);
        const auto failure = [&other](const listen_options& options) {
            const result<> listening = other.listen(options);
            BOOST_TEST(!other.listening());
            return error_name(listening.error());
        };
        BOOST_TEST(failure({.host = "127.0.0.1", .port = server.address()->port()}) == "EADDRINUSE");
        BOOST_TEST(failure({.host = "192.0.2.1"}) == "EADDRNOTAVAIL");
        BOOST_TEST(failure({.host = "example.com"}) == "ENOTFOUND");
        BOOST_TEST(failure({.path = std::string(108, 'p')}) == "ENAMETOOLONG");
        BOOST_TEST(failure({.path = folder / "no such folder/socket"}) == "ENOENT");
        BOOST_TEST(error_name(other.close().error()) == "ERR_SERVER_NOT_RUNNING");
        other.listen({.host = "localhost"}).value();
        BOOST_TEST(other.address()->ip() == "127.0.0.1");
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(ports_can_be_shared_where_both_want_it, *boost::unit_test::label("NET-12"))
{
    run([]() -> task<> {
        net::server first = create_server({}, echo);
        first.listen({.host = "127.0.0.1", .reuse_port = true}).value();
        const listen_options same{.host = "127.0.0.1", .port = first.address()->port(), .reuse_port = true};
        net::server second = create_server({}, echo);
        BOOST_TEST(second.listen(same).has_value());
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(a_failure_to_listen_names_the_address_as_node_does, *boost::unit_test::label("ERR-32 NET-15"))
{
    run([]() -> task<> {
        net::server first = create_server({}, echo);
        first.listen({.host = "localhost"}).value();
        BOOST_TEST(first.address()->ip() == "127.0.0.1");
        const std::uint16_t port = first.address()->port();
        net::server second = create_server({}, echo);
        const detailed_result<> taken = second.listen({.host = "127.0.0.1", .port = port});
        const net::error_info info = taken.info();
        BOOST_TEST(info.message == "listen EADDRINUSE: address already in use 127.0.0.1:" + std::to_string(port));
        BOOST_TEST(info.syscall == "listen");
        BOOST_TEST(info.address == "127.0.0.1");
        BOOST_TEST(info.port == port);
        BOOST_CHECK_EXCEPTION(taken.value(), network_error,
                              [&](const network_error& e) { return e.what() == info.message; });
        const detailed_result<> name = second.listen({.host = "name.example", .port = port});
        BOOST_TEST(name.info().message == "listen ENOTFOUND: host not found name.example");
        const std::string long_path(108, 'p');
        const detailed_result<> path = second.listen({.path = long_path});
        BOOST_TEST(path.info().message == "listen ENAMETOOLONG: name too long " + long_path);
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(the_file_of_a_path_goes_with_the_listener, *boost::unit_test::label("NET-11 NET-16"))
{
    const temporary_folder folder;
    run([&folder]() -> task<> {
        const std::string path = folder / "socket";
        net::server server = create_server({}, echo);
        server.listen({.path = path}).value();
        BOOST_TEST(std::filesystem::is_socket(path));
        net::server second = create_server({}, echo);
        BOOST_TEST(error_name(second.listen({.path = path}).error()) == "EADDRINUSE");
        BOOST_TEST(std::filesystem::is_socket(path));
        server.close().value();
        BOOST_TEST(!std::filesystem::exists(path));
        {
            net::server short_lived = create_server({}, echo);
            short_lived.listen({.path = path}).value();
        }
        BOOST_TEST(!std::filesystem::exists(path));
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(closing_lets_open_connections_finish, *boost::unit_test::label("ERR-28 EVT-10"))
{
    run([]() -> task<> {
        net::server server = create_server({}, echo);
        server.listen({.host = "127.0.0.1"}).value();
        net::socket client = co_await client_of(server);
        std::string answer = co_await ask(client, "before");
        BOOST_TEST(answer == "before");
        const std::uint16_t port = server.address()->port();
        server.close().value();
        BOOST_TEST(server.close().error() == make_error_code(errc::server_not_running));
        BOOST_TEST(!server.address().has_value());
        bool closed = false;
        scope waiters;
        waiters.spawn([&]() -> task<> {
            static_cast<void>(co_await server.closed());
            closed = true;
        });
        answer = co_await ask(client, "after");
        BOOST_TEST(answer == "after");
        const connect_options options{.host = "127.0.0.1", .port = port};
        net::socket late = net::connect(options);
        const result<> refused = co_await late.connect();
        BOOST_TEST(error_name(refused.error()) == "ECONNREFUSED");
        BOOST_TEST(!closed);
        const result<> ended = co_await client.end();
        BOOST_TEST(ended.has_value());
        co_await waiters.join();
        BOOST_TEST(closed);
        static_cast<void>(co_await server.closed());
    });
}

BOOST_AUTO_TEST_CASE(may_listen_again, *boost::unit_test::label("NET-15"))
{
    run([]() -> task<> {
        net::server server = create_server({}, echo);
        for (int round = 0; round < 3; ++round) {
            server.listen({.host = "127.0.0.1"}).value();
            net::socket client = co_await client_of(server);
            const std::string answer = co_await ask(client, "again");
            BOOST_TEST(answer == "again");
            server.close().value();
            server.request_stop();
            const std::string gone = co_await ask(client, "stopped");
            BOOST_TEST((gone == "EOF" || gone == "ECONNRESET" || gone == "EPIPE"), gone);
            static_cast<void>(co_await server.closed());
        }
    });
}

BOOST_AUTO_TEST_CASE(a_stop_cancels_the_connections_there_are)
{
    run([]() -> task<> {
        int stopped = 0;
        net::server server = create_server({}, [&stopped](net::socket socket) -> task<> {
            std::array<std::byte, 8> buffer{};
            const result<std::size_t> count = co_await socket.read(buffer);
            stopped += count.error() == errc::canceled;
        });
        server.listen({.host = "127.0.0.1"}).value();
        std::vector<net::socket> clients;
        for (int i = 0; i < 5; ++i) {
            net::socket client = co_await client_of(server);
            clients.push_back(std::move(client));
        }
        for (int i = 0; i < 2000 && server.connections() < 5; ++i)
            co_await pause(1ms);
        server.request_stop();
        co_await connections_fall_to(server, 0);
        BOOST_TEST(stopped == 5);
        BOOST_TEST(server.listening());
        net::socket later = co_await client_of(server);
        co_await pause();
        BOOST_TEST(server.connections() == 1U);
        BOOST_TEST(stopped == 5);
    });
}

BOOST_AUTO_TEST_CASE(several_may_wait_for_the_close)
{
    run([]() -> task<> {
        net::server server = create_server({}, echo);
        server.listen({.host = "127.0.0.1"}).value();
        int told = 0;
        scope waiters;
        for (int i = 0; i < 3; ++i)
            waiters.spawn([&]() -> task<> {
                static_cast<void>(co_await server.closed());
                ++told;
            });
        co_await pause();
        BOOST_TEST(told == 0);
        server.close().value();
        co_await waiters.join();
        BOOST_TEST(told == 3);
    });
}

BOOST_AUTO_TEST_CASE(waiting_for_the_close_can_be_stopped)
{
    run([]() -> task<> {
        net::server server = create_server({}, echo);
        server.listen({.host = "127.0.0.1"}).value();
        stop_source stop;
        scope waiters(stop.token());
        waiters.spawn([&server]() -> task<> {
            static_cast<void>(co_await server.closed());
            BOOST_TEST(server.listening());
        });
        co_await pause();
        BOOST_TEST(waiters.size() == 1U);
        stop.request_stop();
        co_await waiters.join();
        scope early(stop.token());
        early.spawn([&server]() -> task<> { static_cast<void>(co_await server.closed()); });
        co_await early.join();
    });
}

BOOST_AUTO_TEST_CASE(destroying_it_ends_everything_at_once, *boost::unit_test::label("NET-35"))
{
    run([]() -> task<> {
        std::optional<net::server> server(create_server({}, echo));
        server->listen({.host = "127.0.0.1"}).value();
        net::socket client = co_await client_of(*server);
        const std::string answer = co_await ask(client, "hello");
        BOOST_TEST(answer == "hello");
        scope waiters;
        waiters.spawn([&server]() -> task<> { static_cast<void>(co_await server->closed()); });
        co_await pause();
        server.reset();
        co_await waiters.join();
        const std::string gone = co_await ask(client, "x");
        BOOST_TEST((gone == "EOF" || gone == "ECONNRESET" || gone == "EPIPE"), gone);
    });
}

BOOST_AUTO_TEST_CASE(one_that_was_moved_from_stops_the_program)
{
    BOOST_TEST(stops_with("a net::server that was moved from is used", [] {
        loop here;
        net::server server = create_server({}, echo);
        const net::server elsewhere = std::move(server);
        static_cast<void>(server.listen({.host = "127.0.0.1"}));
    }));
}

BOOST_AUTO_TEST_CASE(can_be_moved_while_it_listens)
{
    run([]() -> task<> {
        net::server first = create_server({}, echo);
        first.listen({.host = "127.0.0.1"}).value();
        net::server second = std::move(first);
        net::socket client = co_await client_of(second);
        const std::string answer = co_await ask(client, "moved");
        BOOST_TEST(answer == "moved");
    });
}

BOOST_AUTO_TEST_CASE(an_exception_ends_its_connection_only)
{
    run([]() -> task<> {
        std::vector<std::string> caught;
        net::server server = create_server({}, [](net::socket socket) -> task<> {
            std::array<std::byte, 16> buffer{};
            while (true) {
                const result<std::size_t> count = co_await socket.read(buffer);
                if (!count)
                    co_return;
                if (buffer[0] == std::byte{'!'})
                    throw std::runtime_error("asked for");
                const result<std::size_t> written = co_await socket.write(std::span(buffer).first(*count));
                written.error();
            }
        });
        server.on_uncaught([&caught](std::exception_ptr what) {
            try {
                std::rethrow_exception(what);
            } catch (const std::exception& error) {
                caught.push_back(error.what());
            }
        });
        server.listen({.host = "127.0.0.1"}).value();
        net::socket good = co_await client_of(server);
        net::socket bad = co_await client_of(server);
        std::string answer = co_await ask(good, "one");
        BOOST_TEST(answer == "one");
        answer = co_await ask(bad, "!");
        BOOST_TEST((answer == "EOF" || answer == "ECONNRESET"), answer);
        answer = co_await ask(good, "two");
        BOOST_TEST(answer == "two");
        BOOST_TEST(caught == std::vector<std::string>{"asked for"}, boost::test_tools::per_element());
        BOOST_TEST(server.connections() == 1U);
    });
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_before_it_is_a_coroutine_is_caught_too)
{
    run([]() -> task<> {
        int caught = 0;
        net::server server = create_server({}, [](net::socket) -> task<> { throw std::runtime_error("no coroutine"); });
        server.on_uncaught([&caught](const std::exception_ptr&) { ++caught; });
        server.listen({.host = "127.0.0.1"}).value();
        net::socket client = co_await client_of(server);
        const std::string gone = co_await ask(client, "x");
        BOOST_TEST((gone == "EOF" || gone == "ECONNRESET"), gone);
        BOOST_TEST(caught == 1);
        BOOST_TEST(server.listening());
    });
}

BOOST_AUTO_TEST_CASE(more_connections_than_allowed_are_dropped, *boost::unit_test::label("EVT-13 NET-07 NET-08"))
{
    run([]() -> task<> {
        int dropped = 0;
        net::server server = create_server({.max_connections = 2}, echo);
        server.on_drop([&dropped] { ++dropped; });
        server.listen({.host = "127.0.0.1"}).value();
        net::socket first = co_await client_of(server);
        net::socket second = co_await client_of(server);
        std::string answer = co_await ask(second, "fits");
        BOOST_TEST(answer == "fits");
        net::socket third = co_await client_of(server);
        answer = co_await ask(third, "too many");
        BOOST_TEST((answer == "EOF" || answer == "ECONNRESET" || answer == "EPIPE"), answer);
        BOOST_TEST(dropped == 1);
        first.destroy();
        co_await connections_fall_to(server, 1);
        net::socket fourth = co_await client_of(server);
        answer = co_await ask(fourth, "fits again");
        BOOST_TEST(answer == "fits again");
    });
}

BOOST_AUTO_TEST_CASE(the_server_may_be_closed_or_destroyed_where_it_reports)
{
    run([]() -> task<> {
        std::optional<net::server> server(create_server({.max_connections = 1}, echo));
        server->listen({.host = "127.0.0.1"}).value();
        net::socket first = co_await client_of(*server);
        server->on_drop([&server] { server->close().value(); });
        net::socket second = co_await client_of(*server);
        std::string answer = co_await ask(second, "x");
        BOOST_TEST(answer != "x");
        BOOST_TEST(!server->listening());
        server->listen({.host = "127.0.0.1"}).value();
        server->on_drop([&server] { server.reset(); });
        net::socket third = co_await client_of(*server);
        answer = co_await ask(third, "x");
        BOOST_TEST(answer != "x");
        BOOST_TEST(!server.has_value());
    });
}

/// Leaves the process few descriptors.
class tight_limit {
public:
    tight_limit()
    {
        BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const rlimit tight{.rlim_cur = open_descriptors() + 40, .rlim_max = before_.rlim_max};
        BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    }
    tight_limit(const tight_limit&) = delete;
    tight_limit& operator=(const tight_limit&) = delete;
    ~tight_limit()
    {
        give_back();
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }

    /// Opens descriptors until there are no more.
    void take_all()
    {
        for (int one = 0; (one = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
            taken_.push_back(one);
        BOOST_REQUIRE(errno == EMFILE);
    }
    void give_back()
    {
        for (const int each : std::exchange(taken_, {}))
            ::close(each);
    }

private:
    rlimit before_{};
    std::vector<int> taken_;
};

BOOST_AUTO_TEST_CASE(survives_running_out_of_descriptors)
{
    run([]() -> task<> {
        tight_limit limit;
        net::server server = create_server({}, echo);
        server.listen({.host = "127.0.0.1"}).value();
        net::socket before = co_await client_of(server);
        std::string answer = co_await ask(before, "before");
        BOOST_TEST(answer == "before");
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(server.address()->port());
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        std::array<int, 3> clients{};
        for (int& each : clients)
            each = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        limit.take_all();
        for (const int each : clients)
            BOOST_REQUIRE(::connect(each, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
        // They are refused one after the other, and the loop does not spin meanwhile.
        const std::uint64_t turns = loop::current().stats().turns;
        co_await pause(500ms);
        BOOST_TEST(loop::current().stats().turns - turns < 50U);
        answer = co_await ask(before, "meanwhile");
        BOOST_TEST(answer == "meanwhile");
        limit.give_back();
        for (const int each : clients) {
            char byte = 0;
            const bool reset = ::recv(each, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
            BOOST_TEST(reset);
            ::close(each);
        }
        BOOST_TEST(server.connections() == 1U);
        const loop_stats stats = loop::current().stats();
        BOOST_TEST(stats.refused_connections == clients.size());
        BOOST_TEST(stats.accept_pauses >= clients.size());
        co_await pause(150ms);
        BOOST_TEST((loop::current().stats().accept_rearms[rearm_reason::exhausted] > 0U) ==
                   loop::current().capabilities().multishot_accept);
        net::socket after = co_await client_of(server);
        answer = co_await ask(after, "after");
        BOOST_TEST(answer == "after");
    });
}

BOOST_AUTO_TEST_CASE(connections_that_end_as_they_come_leave_nothing)
{
    run([]() -> task<> {
        net::server server = create_server({}, echo);
        server.listen({.host = "127.0.0.1"}).value();
        for (int i = 0; i < 100; ++i) {
            net::socket client = co_await client_of(server);
            if (i % 3 == 0)
                client.reset_and_destroy();
            else if (i % 3 == 1)
                client.destroy();
        }
        co_await connections_fall_to(server, 0);
    });
}

BOOST_AUTO_TEST_CASE(connections_that_wait_when_it_closes_are_not_lost_by_the_process)
{
    run([]() -> task<> {
        for (int i = 0; i < 20; ++i) {
            net::server server = create_server({}, echo);
            server.listen({.host = "127.0.0.1"}).value();
            net::socket client = co_await client_of(server);
            server.close().value();  // with the connection accepted, or waiting, or between
            client.destroy();
            static_cast<void>(co_await server.closed());
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
