#include <coil/net/internal/listener.hpp>

#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::test;

task<> end_at_once(net::socket peer)
{
    const result<> ended = co_await peer.end();
    BOOST_TEST(ended.has_value());
}

net::server server_at(const std::string& path)
{
    net::server server = net::create_server({}, end_at_once);
    server.listen({.path = path}).value();
    return server;
}

task<> check_answered(const std::string& path)
{
    net::connect_options options;
    options.path = path;
    net::socket client = net::connect(options);
    const result<> connected = co_await client.connect();
    BOOST_TEST(connected.has_value(), connected.error().message());
}

/// The only socket of the process that listens.
int listening_descriptor()
{
    for (int number = 0; number < 1000; ++number) {
        int listens = 0;
        socklen_t size = sizeof listens;
        if (::getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens)
            return number;
    }
    return -1;
}

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

BOOST_AUTO_TEST_SUITE(internal_listener_test)

BOOST_AUTO_TEST_CASE(a_closing_server_removes_its_own_path)
{
    run([]() -> task<> {
        const temporary_folder folder;
        const std::string path = folder / "socket";
        net::server server = server_at(path);
        co_await check_answered(path);
        BOOST_TEST(server.close().has_value());
        BOOST_TEST(!std::filesystem::exists(path));
        static_cast<void>(co_await server.closed());
    });
}

BOOST_AUTO_TEST_CASE(a_path_that_a_successor_uses_stays, *boost::unit_test::label("F-40"))
{
    run([]() -> task<> {
        const temporary_folder folder;
        const std::string path = folder / "socket";
        net::server old = server_at(path);
        std::filesystem::remove(path);
        net::server successor = server_at(path);
        BOOST_TEST(old.close().has_value());
        co_await check_answered(path);
        BOOST_TEST(successor.close().has_value());
        BOOST_TEST(!std::filesystem::exists(path));
        static_cast<void>(co_await old.closed());
        static_cast<void>(co_await successor.closed());
    });
}

BOOST_AUTO_TEST_CASE(a_file_that_took_the_place_of_the_socket_stays, *boost::unit_test::label("F-40"))
{
    run([]() -> task<> {
        const temporary_folder folder;
        const std::string path = folder / "socket";
        net::server server = server_at(path);
        std::filesystem::rename(path, folder / "moved");
        std::filesystem::create_directory(path);
        BOOST_TEST(server.close().has_value());
        BOOST_TEST(std::filesystem::is_directory(path));
        static_cast<void>(co_await server.closed());
    });
}

BOOST_AUTO_TEST_CASE(a_path_of_a_server_that_outlives_its_loop_is_removed_unless_a_successor_uses_it, *boost::unit_test::label("F-40"))
{
    const temporary_folder folder;
    for (const bool has_successor : {false, true}) {
        const std::string path = folder / "socket";
        std::optional<net::server> outliving;
        {
            loop here;
            const auto body = [&]() -> task<> {
                outliving.emplace(server_at(path));
                co_await check_answered(path);
            };
            here.run(body());
        }
        if (has_successor) {
            std::filesystem::remove(path);
            std::filesystem::create_directory(path);
        }
        outliving.reset();
        BOOST_TEST(std::filesystem::exists(path) == has_successor);
    }
}

BOOST_AUTO_TEST_CASE(a_socket_that_cannot_accept_any_more_is_reported_and_closed,
                     *boost::unit_test::label("F-39 EVT-11"))
{
    run([]() -> task<> {
        net::server server = net::create_server({}, end_at_once);
        std::error_code reason;
        event reported;
        server.on_error([&](std::error_code why) {
            reason = why;
            BOOST_TEST(!server.listening());
            reported.set();
        });
        server.listen({.host = "127.0.0.1"}).value();
        BOOST_TEST(server.listening());
        BOOST_TEST(::shutdown(listening_descriptor(), SHUT_RDWR) == 0);
        const result<> told = co_await reported.wait();
        BOOST_TEST(told.has_value());
        BOOST_TEST((reason == std::errc::invalid_argument), reason.message());
        BOOST_TEST(!server.address().has_value());
        BOOST_TEST(!server.close().has_value());
        static_cast<void>(co_await server.closed());
        BOOST_TEST(server.listen({.host = "127.0.0.1"}).has_value());  // another time
        BOOST_TEST(server.close().has_value());
    });
}

BOOST_AUTO_TEST_CASE(a_report_of_a_listener_that_was_closed_meanwhile_does_not_close_the_next, *boost::unit_test::label("F-39"))
{
    run([]() -> task<> {
        net::server server = net::create_server({}, end_at_once);
        std::size_t reports = 0;
        server.on_error([&](std::error_code) { ++reports; });
        for (int round = 0; round < 20; ++round) {
            server.listen({.host = "127.0.0.1"}).value();
            BOOST_TEST(::shutdown(listening_descriptor(), SHUT_RDWR) == 0);
            const result<> slept = co_await sleep_for(std::chrono::microseconds(round * 10));
            slept.value();
            static_cast<void>(server.close());
            BOOST_TEST(server.listen({.host = "127.0.0.1"}).has_value());
            co_await this_task::yield();
            BOOST_TEST(server.listening());
            BOOST_TEST(server.close().has_value());
        }
        BOOST_TEST(reports <= 20U);
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
