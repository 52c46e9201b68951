// What a client does with a host that has several addresses.

#include "tests/support/host_names.hpp"
#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/simulation.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace coil;
using namespace coil::net;
using namespace coil::test;
using namespace std::chrono_literals;

constexpr std::uint16_t port = 8000;

std::vector<std::string> texts_of(const std::vector<address>& addresses)
{
    std::vector<std::string> texts;
    for (const address& each : addresses)
        texts.push_back(each.ip());
    return texts;
}

std::vector<address> addresses_of(const std::vector<std::string>& texts)
{
    std::vector<address> addresses;
    for (const std::string& each : texts)
        addresses.push_back(*address::parse(each, port));
    return addresses;
}

/// `count` different addresses, beginning with 10.0.0.1.
std::vector<std::string> addresses_up_to(int count)
{
    std::vector<std::string> all;
    for (int i = 1; i <= count; ++i)
        all.push_back("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256));
    return all;
}

/// A world in which nothing fails but what the program brings about.
simulation_options slow_world(std::uint64_t seed, std::chrono::nanoseconds longest_delay)
{
    simulation_options options;
    options.longest_delay = longest_delay;
    options.seed = seed;
    return options;
}

net::server silent_server()
{
    return create_server({}, [](net::socket socket) -> task<> {
        std::array<std::byte, 1> buffer{};
        const result<std::size_t> end = co_await socket.read(buffer);
        static_cast<void>(end);
    });
}

/// Where a client of `name` gets to. @param listening  the address of the one server.
task<std::string> reached(std::string name, std::string listening)
{
    net::server server = silent_server();
    const listen_options there{.host = listening, .port = port};
    server.listen(there).value();
    const connect_options options{.host = name, .port = port};
    net::socket socket = net::connect(options);
    const result<> connected = co_await socket.connect();
    if (!connected)
        co_return error_name(connected.error());
    co_return socket.remote_address()->ip();
}

/// A listening socket that lets nobody in until `open` is called: the kernel drops what knocks, and the peer knocks again.
class closed_gate {
public:
    explicit closed_gate(const char* ip)
    {
        address where = *address::parse(ip, 0);
        BOOST_REQUIRE(::bind(listening_, where.system_address(), where.system_size()) == 0);
        BOOST_REQUIRE(::listen(listening_, 0) == 0);
        sockaddr_storage bound{};
        socklen_t size = sizeof bound;
        BOOST_REQUIRE(::getsockname(listening_, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
        BOOST_REQUIRE(::connect(filling_, reinterpret_cast<const sockaddr*>(&bound), size) == 0);
        port_ = address::from_system(bound, size).port();
    }
    closed_gate(const closed_gate&) = delete;
    closed_gate& operator=(const closed_gate&) = delete;
    ~closed_gate()
    {
        ::close(filling_);
        ::close(listening_);
    }

    void open() { ::close(::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC)); }
    std::uint16_t port() const { return port_; }

private:
    int listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int filling_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::uint16_t port_ = 0;
};

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

BOOST_AUTO_TEST_SUITE(connect_race_test)

BOOST_AUTO_TEST_CASE(families_take_turns_and_keep_their_order, *boost::unit_test::label("F-10 NET-23"))
{
    using texts = std::vector<std::string>;
    BOOST_TEST(texts_of(net::internal::interleaved(addresses_of({"::1", "::2", "::3", "10.0.0.1", "10.0.0.2"}))) ==
                   (texts{"::1", "10.0.0.1", "::2", "10.0.0.2", "::3"}),
               boost::test_tools::per_element());
    BOOST_TEST(texts_of(net::internal::interleaved(addresses_of({"10.0.0.1", "10.0.0.2", "::1"}))) ==
                   (texts{"10.0.0.1", "::1", "10.0.0.2"}),
               boost::test_tools::per_element());
    BOOST_TEST(texts_of(net::internal::interleaved(addresses_of({"10.0.0.2"}))) == (texts{"10.0.0.2"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_slow_address_that_works_wins_over_one_that_refuses, *boost::unit_test::label("F-10 NET-23"))
{
    const host_name two("two.test", {"10.0.0.1", "10.0.0.2"});
    for (std::uint64_t seed = 0; seed < 30; ++seed)
        for (const char* listening : {"10.0.0.1", "10.0.0.2"}) {
            simulation world(slow_world(seed, 2s));
            const std::string where = world.run(reached("two.test", listening));
            BOOST_TEST(where == listening, "seed " << seed);
            BOOST_TEST(world.report().open_descriptors == 0U);
            BOOST_TEST(world.report().pending_operations == 0U);
        }
}

BOOST_AUTO_TEST_CASE(the_first_to_answer_wins_and_the_others_are_closed, *boost::unit_test::label("F-10"))
{
    const std::vector<std::string> all = addresses_up_to(8);
    const host_name eight("eight.test", all);
    bool one_that_began_later_won = false;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        simulation world(slow_world(seed, 2s));
        const auto program = [&]() -> task<> {
            net::server server = silent_server();
            server.listen({.port = port}).value();  // every address
            const connect_options options{.host = "eight.test", .port = port};
            net::socket socket = net::connect(options);
            const detailed_result<> connected = co_await socket.connect();
            BOOST_TEST(connected.has_value());
            one_that_began_later_won = one_that_began_later_won || socket.remote_address()->ip() != all.front();
            const result<> slept = co_await sleep_for(10s);  // what was given up arrives nowhere
            slept.value();
            BOOST_TEST(server.connections() == 1U, "seed " << seed);
        };
        world.run(program());
        BOOST_TEST(world.report().open_descriptors == 0U);
    }
    BOOST_TEST(one_that_began_later_won);
}

BOOST_AUTO_TEST_CASE(a_thousand_addresses_are_tried_within_bounds, *boost::unit_test::label("F-10"))
{
    const std::vector<std::string> all = addresses_up_to(1000);
    const host_name many("many.test", all);
    for (const std::chrono::nanoseconds delay : {std::chrono::nanoseconds(2ms), std::chrono::nanoseconds(20s)}) {
        simulation world(slow_world(1, delay));
        std::size_t most = 0;
        const auto watch = [&]() -> task<> {
            while (true) {
                most = std::max(most, world.open_descriptors());
                const result<> slept = co_await sleep_for(delay / 10);
                if (!slept)
                    co_return;
            }
        };
        const auto program = [&]() -> task<> {
            scope watching;
            watching.spawn(watch);
            auto reaching = reached("many.test", all.back());
            const std::string where = co_await reaching;
            BOOST_TEST(where == all.back());
            watching.request_stop();
            co_await watching.join();
        };
        world.run(program());
        BOOST_TEST(most <= 40U);
        BOOST_TEST(world.report().open_descriptors == 0U);
    }
}

BOOST_AUTO_TEST_CASE(when_all_fail_the_errors_of_all_are_told, *boost::unit_test::label("F-10 NET-23"))
{
    const host_name three("three.test", {"::1", "127.0.0.1", "127.0.0.2"});
    run([]() -> task<> {
        const connect_options options{.host = "three.test", .port = 1};
        net::socket socket = net::connect(options);
        const detailed_result<> connected = co_await socket.connect();
        BOOST_TEST(error_name(connected.error()) == "ECONNREFUSED");
        const net::error_info info = socket.error_info();
        BOOST_TEST(info.hostname == "three.test");
        BOOST_REQUIRE(info.errors.size() == 3U);
        BOOST_TEST(info.errors[0].address == "::1");
        BOOST_TEST(info.errors[1].address == "127.0.0.1");
        BOOST_TEST(info.errors[2].address == "127.0.0.2");
        BOOST_TEST(info.message ==
                   "connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1; connect ECONNREFUSED 127.0.0.2:1");
    });
}

BOOST_AUTO_TEST_CASE(one_that_answers_late_is_still_taken_when_another_has_refused, *boost::unit_test::label("F-10"))
{
    closed_gate gate("127.0.0.1");
    const host_name two("two.test", {"127.0.0.1", "127.0.0.2"});
    run([&gate]() -> task<> {
        scope opening;
        opening.spawn([&gate]() -> task<> {
            const result<> slept = co_await sleep_for(400ms);  // the second attempt has been refused by now
            slept.value();
            gate.open();
        });
        const connect_options options{.host = "two.test", .port = gate.port()};
        net::socket socket = net::connect(options);
        const detailed_result<> connected = co_await socket.connect();
        BOOST_TEST(connected.info().message == "");
        BOOST_TEST(socket.remote_address()->ip() == "127.0.0.1");
        socket.reset_and_destroy();
        co_await opening.join();
    });
}

BOOST_AUTO_TEST_CASE(a_stop_ends_all_attempts, *boost::unit_test::label("F-10"))
{
    const closed_gate gate("0.0.0.0");
    const host_name two("two.test", {"127.0.0.1", "127.0.0.2"});
    run([&gate]() -> task<> {
        const connect_options options{.host = "two.test", .port = gate.port()};
        net::socket socket = net::connect(options);
        auto limited = with_timeout(300ms, socket.connect());
        const detailed_result<> stopped = co_await limited;
        BOOST_TEST(stopped.error() == make_error_code(errc::timed_out));
        BOOST_TEST(stopped.info().message == "connect ETIMEDOUT two.test:" + std::to_string(gate.port()));
    });
}

BOOST_AUTO_TEST_CASE(attempts_may_be_destroyed_in_any_state, *boost::unit_test::label("F-10"))
{
    const host_name eight("eight.test", addresses_up_to(8));
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        simulation world(slow_world(seed, 1s));
        const auto program = [seed]() -> task<> {
            scope connecting;
            connecting.spawn([]() -> task<> {
                const connect_options options{.host = "eight.test", .port = port};
                net::socket socket = net::connect(options);
                const detailed_result<> never = co_await socket.connect();
                BOOST_TEST(!never.has_value());
            });
            const result<> slept = co_await sleep_for(std::chrono::milliseconds(60 * seed));
            slept.value();
        };
        world.run(program());
        BOOST_TEST(world.report().open_descriptors == 0U);
        BOOST_TEST(world.report().pending_operations == 0U);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
