#include <coil/net/connect.hpp>

#include "tests/support/host_names.hpp"
#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/net/server.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <netdb.h>

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

/// A server that says hello to everybody.
net::server greeting(const listen_options& where)
{
    net::server made = create_server({}, [](net::socket socket) -> task<> {
        const result<std::size_t> written = co_await socket.write(bytes_of("hello"));
        const result<> ended = co_await socket.end();
        static_cast<void>(written && ended);
    });
    made.listen(where).value();
    return made;
}

/// Connects and reads the greeting. @return what went wrong.
task<std::error_code> greeted(connect_options options)
{
    net::socket socket = net::connect(std::move(options));
    const result<> connected = co_await socket.connect();
    if (!connected)
        co_return connected.error();
    std::array<std::byte, 5> buffer{};
    const result<std::size_t> count = co_await socket.read(buffer);
    BOOST_TEST(text_of(std::span(buffer).first(*count)) == "hello");
    co_return std::error_code();
}

/// A port of 127.0.0.1 on which nobody listens.
std::uint16_t free_port()
{
    const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    BOOST_REQUIRE(::bind(taken, reinterpret_cast<sockaddr*>(&where), size) == 0);
    BOOST_REQUIRE(::getsockname(taken, reinterpret_cast<sockaddr*>(&where), &size) == 0);
    ::close(taken);
    return ntohs(where.sin_port);
}

/// A listening socket whose queue is full: who connects waits.
class full_listener {
public:
    full_listener()
    {
        listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        where_.sin_family = AF_INET;
        where_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof where_;
        BOOST_REQUIRE(::bind(listening_, reinterpret_cast<sockaddr*>(&where_), size) == 0);
        BOOST_REQUIRE(::listen(listening_, 0) == 0);
        BOOST_REQUIRE(::getsockname(listening_, reinterpret_cast<sockaddr*>(&where_), &size) == 0);
        filling_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        BOOST_REQUIRE(::connect(filling_, reinterpret_cast<const sockaddr*>(&where_), size) == 0);
    }
    full_listener(const full_listener&) = delete;
    full_listener& operator=(const full_listener&) = delete;
    ~full_listener()
    {
        ::close(filling_);
        ::close(listening_);
    }
    std::uint16_t port() const { return ntohs(where_.sin_port); }

private:
    int listening_ = -1;
    int filling_ = -1;
    sockaddr_in where_{};
};

BOOST_AUTO_TEST_SUITE(connect_test)

BOOST_AUTO_TEST_CASE(connects_by_address_and_by_name, *boost::unit_test::label("NET-19"))
{
    run([]() -> task<> {
        net::server server = greeting({});
        const std::uint16_t port = server.address()->port();
        for (const char* host : {"127.0.0.1", "::1", "localhost"}) {
            connect_options options{.host = host, .port = port};
            const std::error_code error = co_await greeted(options);
            BOOST_TEST(!error);
        }
        connect_options options{.family = address_family::ipv4, .port = port};
        const std::error_code error = co_await greeted(options);
        BOOST_TEST(!error);
    });
}

BOOST_AUTO_TEST_CASE(connects_to_a_path_and_to_a_name_without_a_file)
{
    const temporary_folder folder;
    run([&folder]() -> task<> {
        for (const std::string& path : {folder / "socket", std::string("\0coil connect test", 18)}) {
            net::server server = greeting({.path = path});
            BOOST_TEST(server.address()->path() == path);
            connect_options options{.path = path};
            const std::error_code error = co_await greeted(options);
            BOOST_TEST(!error);
        }
    });
}

BOOST_AUTO_TEST_CASE(says_why_it_cannot_connect, *boost::unit_test::label("ERR-32 NET-19"))
{
    const temporary_folder folder;
    run([&folder]() -> task<> {
        connect_options options{.host = "127.0.0.1", .port = free_port()};
        std::error_code error = co_await greeted(options);
        BOOST_TEST(error_name(error) == "ECONNREFUSED");
        options = {.host = "localhost", .port = free_port()};
        error = co_await greeted(options);
        BOOST_TEST(error_name(error) == "ECONNREFUSED");
        options = {.path = folder / "missing"};
        error = co_await greeted(options);
        BOOST_TEST(error_name(error) == "ENOENT");
        options = {.host = "no such host", .port = 1};
        error = co_await greeted(options);
        BOOST_TEST(error == make_error_code(errc::host_not_found));
        options = {.family = address_family::ipv6, .host = "127.0.0.1", .port = 1};
        error = co_await greeted(options);
        BOOST_TEST(error == make_error_code(errc::host_not_found));
        options = {.host = "127.0.0.1", .local_address = "192.0.2.1", .port = 1};
        error = co_await greeted(options);
        BOOST_TEST(error_name(error) == "EADDRNOTAVAIL");
    });
}

BOOST_AUTO_TEST_CASE(a_failure_names_what_it_connected_to, *boost::unit_test::label("ERR-32 NET-18"))
{
    const temporary_folder folder;
    run([&folder]() -> task<> {
        const std::uint16_t port = free_port();
        const std::uint16_t local_port = free_port();
        const std::string local = "127.0.0.2:" + std::to_string(local_port);
        const connect_options refused{
            .host = "127.0.0.1", .local_address = "127.0.0.2", .local_port = local_port, .port = port};
        net::socket socket = net::connect(refused);
        BOOST_TEST(socket.error_info().message == "");
        const detailed_result<> connected = co_await socket.connect();
        const net::error_info info = socket.error_info();
        BOOST_TEST(info.message == connected.info().message);
        BOOST_TEST(info.message ==
                   "connect ECONNREFUSED 127.0.0.1:" + std::to_string(port) + " - Local (" + local + ")");
        BOOST_TEST(info.error == connected.error());
        BOOST_TEST(info.system_number == ECONNREFUSED);
        BOOST_TEST(info.syscall == "connect");
        BOOST_TEST(info.address == "127.0.0.1");
        BOOST_TEST(info.port == port);
        BOOST_TEST(info.local_address == "127.0.0.2");
        BOOST_TEST(info.local_port == local_port);

        const connect_options unbound{.host = "127.0.0.1", .local_address = "192.0.2.77", .port = port};
        net::socket elsewhere = net::connect(unbound);
        const detailed_result<> bound = co_await elsewhere.connect();
        BOOST_TEST(bound.info().message == "bind EADDRNOTAVAIL 192.0.2.77");
        const connect_options nowhere{.path = folder / "missing"};
        net::socket missing = net::connect(nowhere);
        const detailed_result<> found = co_await missing.connect();
        BOOST_TEST(found.info().message == "connect ENOENT " + nowhere.path);
    });
}

BOOST_AUTO_TEST_CASE(what_value_throws_is_the_text_of_node)
{
    const host_name unknown("nosuch.test", EAI_NONAME);
    run([]() -> task<> {
        const std::uint16_t port = free_port();
        for (const char* host : {"127.0.0.1", "nosuch.test"}) {
            const connect_options options{.host = host, .port = port};
            net::socket socket = net::connect(options);
            const detailed_result<> connected = co_await socket.connect();
            try {
                connected.value();
                BOOST_ERROR("no exception");
            } catch (const network_error& error) {
                const bool is_known = error.info().hostname.empty();
                BOOST_TEST(error.what() == (is_known ? "connect ECONNREFUSED 127.0.0.1:" + std::to_string(port)
                                                     : "getaddrinfo ENOTFOUND nosuch.test"));
                BOOST_TEST(error_name(error.code()) == error.info().code);
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(mistakes_throw_at_once, *boost::unit_test::label("NET-18"))
{
    loop here;
    BOOST_CHECK_THROW(net::connect({.local_address = "not an address", .port = 1}), std::invalid_argument);
    try {
        static_cast<void>(net::connect({.path = std::string(108, 'p')}));
        BOOST_ERROR("no exception");
    } catch (const std::system_error& error) {
        BOOST_TEST(error_name(error.code()) == "ENAMETOOLONG");
    }
}

BOOST_AUTO_TEST_CASE(binds_to_the_local_address_and_port, *boost::unit_test::label("NET-18"))
{
    run([]() -> task<> {
        net::server server = greeting({.host = "127.0.0.1"});
        const std::uint16_t port = free_port();
        const connect_options options{
            .host = "127.0.0.1", .local_address = "127.0.0.2", .local_port = port, .port = server.address()->port()};
        net::socket socket = net::connect(options);
        const result<> connected = co_await socket.connect();
        BOOST_REQUIRE(connected.has_value());
        BOOST_TEST(socket.local_address()->to_string() == "127.0.0.2:" + std::to_string(port));
        socket.reset_and_destroy();
    });
}

BOOST_AUTO_TEST_CASE(is_done_once)
{
    run([]() -> task<> {
        net::server server = greeting({.host = "127.0.0.1"});
        const connect_options options{
            .host = "127.0.0.1", .keep_alive = true, .no_delay = true, .port = server.address()->port()};
        net::socket socket = net::connect(options);
        const result<> connected = co_await socket.connect();
        BOOST_TEST(connected.has_value());
        const result<> again = co_await socket.connect();
        BOOST_TEST(error_name(again.error()) == "EISCONN");
        BOOST_TEST(socket.connected());
    });
}

BOOST_AUTO_TEST_CASE(can_be_stopped_before_it_starts_and_while_it_lasts, *boost::unit_test::label("ERR-33 NET-24"))
{
    const full_listener busy;
    run([&busy]() -> task<> {
        const connect_options options{.host = "127.0.0.1", .port = busy.port()};
        {
            net::socket socket = net::connect(options);
            const result<> stopped = co_await with_timeout(20ms, socket.connect());
            BOOST_TEST(stopped.error() == make_error_code(errc::timed_out));
            BOOST_TEST(!socket.connected());
        }
        stop_source stop;
        stop.request_stop();
        scope stopped(stop.token());
        stopped.spawn([&options]() -> task<> {
            net::socket socket = net::connect(options);
            const result<> never = co_await socket.connect();
            BOOST_TEST(never.error() == make_error_code(errc::canceled));
        });
        co_await stopped.join();
    });
}

BOOST_AUTO_TEST_CASE(can_be_destroyed_while_it_lasts)
{
    const full_listener busy;
    run([&busy]() -> task<> {
        std::optional<scope> connecting;
        connecting.emplace();
        for (int i = 0; i < 10; ++i)
            connecting->spawn([&busy]() -> task<> {
                const connect_options options{.host = "127.0.0.1", .port = busy.port()};
                net::socket socket = net::connect(options);
                const result<> never = co_await socket.connect();
                BOOST_TEST(!never.has_value());
            });
        const result<> slept = co_await sleep_for(2ms);
        slept.value();
        connecting.reset();
    });
}

BOOST_AUTO_TEST_CASE(a_socket_that_is_destroyed_while_it_connects_says_so)
{
    run([]() -> task<> {
        net::server server = greeting({.host = "127.0.0.1"});
        const connect_options options{.host = "127.0.0.1", .port = server.address()->port()};
        net::socket socket = net::connect(options);
        scope connecting;
        connecting.spawn([&socket]() -> task<> {
            const result<> gone = co_await socket.connect();
            BOOST_TEST(gone.error() == make_error_code(errc::destroyed));
        });
        connecting.spawn([&socket]() -> task<> {
            socket.destroy();
            co_return;
        });
        co_await connecting.join();
    });
}

BOOST_AUTO_TEST_CASE(many_at_once)
{
    run([]() -> task<> {
        net::server server = greeting({.host = "127.0.0.1"});
        scope all;
        int succeeded = 0;
        for (int i = 0; i < 200; ++i)
            all.spawn([&server, &succeeded]() -> task<> {
                const connect_options options{.host = "127.0.0.1", .port = server.address()->port()};
                const std::error_code error = co_await greeted(options);
                succeeded += !error;
            });
        co_await all.join();
        BOOST_TEST(succeeded == 200);
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
