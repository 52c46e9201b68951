// What a server tells, and to whom.
#include <coil/net/server.hpp>

#include <coil/net/connect.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include "tests/support/loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace coil;
using namespace coil::net;
using namespace std::chrono_literals;

/// Keeps the connection until the peer ends.
task<> keep(net::socket socket)
{
    std::array<std::byte, 16> buffer;
    while (true) {
        const result<std::size_t> more = co_await socket.read(buffer);
        if (!more)
            co_return;
    }
}

/// Connects to a server that has no room. @return when that was noticed.
task<> be_dropped(const net::server& server)
{
    const connect_options options{.host = "127.0.0.1", .port = server.address()->port()};
    net::socket socket = net::connect(options);
    const result<> connected = co_await socket.connect();
    if (!connected)
        co_return;
    std::array<std::byte, 16> buffer;
    const result<std::size_t> none = co_await socket.read(buffer);
    BOOST_TEST(!none.has_value());
}

task<> be_kept(const net::server& server, std::optional<net::socket>& kept)
{
    const connect_options options{.host = "127.0.0.1", .port = server.address()->port()};
    kept.emplace(net::connect(options));
    const result<> connected = co_await kept->connect();
    BOOST_TEST_REQUIRE(connected.has_value());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(server_reports_test)

BOOST_AUTO_TEST_CASE(a_coroutine_that_is_told_something_ends_with_the_server_and_fails_for_itself)
{
    loop here;
    std::vector<std::string> uncaught;
    here.on_uncaught([&uncaught](std::exception_ptr what) {
        try {
            std::rethrow_exception(what);
        } catch (const std::exception& thrown) {
            uncaught.push_back(thrown.what());
        }
    });
    const auto body = [&]() -> task<> {
        std::optional<net::server> server(create_server({.max_connections = 1}, keep));
        int told = 0;
        int waiting = 0;
        server->on_drop([&]() -> task<> {
            co_await this_task::yield();
            if (++told == 1)
                throw std::runtime_error("told once");
            ++waiting;
            const std::shared_ptr<int> at_work(&waiting, [](int* count) { --*count; });
            static_cast<void>(co_await sleep_for(1h));
        });
        server->listen({.host = "127.0.0.1"}).value();
        std::optional<net::socket> first;
        co_await be_kept(*server, first);
        for (int i = 1; i <= 2; ++i) {
            co_await be_dropped(*server);
            for (int turns = 0; told < i && turns < 1000; ++turns)
                static_cast<void>(co_await sleep_for(1ms));
            BOOST_TEST(told == i);
        }
        BOOST_TEST(uncaught == std::vector<std::string>{"told once"}, boost::test_tools::per_element());
        BOOST_TEST(server->connections() == 1U);  // the one that threw has stopped nobody
        BOOST_TEST(waiting == 1);
        server.reset();
        BOOST_TEST(waiting == 0);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()
