#include <coil/net/socket.hpp>

#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/tcp.h>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

const std::array<wire, 4> wires{wire::pair, wire::tcp, wire::tcp_v6, wire::unix_path};

/// Reads once. @return the text, or the name of the error.
task<std::string> read_once(net::socket& from, std::size_t most = 1024)
{
    std::vector<std::byte> buffer(most);
    const result<std::size_t> count = co_await from.read(buffer);
    if (!count)
        co_return "error " + error_name(count.error());
    co_return text_of(std::span(buffer).first(*count));
}

task<> pause(std::chrono::nanoseconds time = 2ms)
{
    const result<> slept = co_await sleep_for(time);
    slept.value();
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

BOOST_AUTO_TEST_SUITE(socket_test)

BOOST_DATA_TEST_CASE(bytes_go_both_ways, boost::unit_test::data::make(wires), kind)
{
    run([kind]() -> task<> {
        socket_pair pair(kind);
        BOOST_TEST(pair.near.connected());
        const result<std::size_t> there = co_await pair.near.write(bytes_of("ping"));
        BOOST_TEST(*there == 4U);
        const std::string ping = co_await read_once(pair.far);
        BOOST_TEST(ping == "ping");
        const result<std::size_t> back = co_await pair.far.write(bytes_of("pong"));
        BOOST_TEST(*back == 4U);
        const std::string pong = co_await read_once(pair.near);
        BOOST_TEST(pong == "pong");
    });
}

BOOST_AUTO_TEST_CASE(a_small_buffer_gets_the_bytes_in_order)
{
    run([]() -> task<> {
        socket_pair pair;
        const result<std::size_t> written = co_await pair.near.write(bytes_of("abcdefgh"));
        BOOST_TEST(written.has_value());
        std::string all;
        while (all.size() < 8) {
            const std::string part = co_await read_once(pair.far, 3);
            BOOST_TEST(part.size() <= 3U);
            all += part;
        }
        BOOST_TEST(all == "abcdefgh");
    });
}

BOOST_AUTO_TEST_CASE(an_empty_buffer_is_refused_and_an_empty_write_is_nothing)
{
    run([]() -> task<> {
        socket_pair pair;
        const result<std::size_t> count = co_await pair.near.read(std::span<std::byte>());
        BOOST_TEST(error_name(count.error()) == "EINVAL");
        const result<std::size_t> written = co_await pair.near.write(std::span<const std::byte>());
        BOOST_TEST(written.has_value());
        BOOST_TEST(*written == 0U);
    });
}

BOOST_AUTO_TEST_CASE(pieces_are_written_as_one)
{
    run([]() -> task<> {
        socket_pair pair(wire::pair);
        std::vector<std::string> words;
        for (int i = 0; i < 50; ++i)
            words.push_back(std::string(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26)));
        std::vector<std::span<const std::byte>> pieces;
        std::string expected;
        for (const std::string& each : words) {
            pieces.push_back(bytes_of(each));
            expected += each;
        }
        const result<std::size_t> written =
            co_await pair.near.write(std::span<const std::span<const std::byte>>(pieces));
        BOOST_TEST(*written == expected.size());
        const std::string all = co_await read_once(pair.far);
        BOOST_TEST(all == expected);
    });
}

BOOST_AUTO_TEST_CASE(large_pieces_are_written_in_order)
{
    run([]() -> task<> {
        socket_pair pair;
        scope readers;
        readers.spawn([&pair]() -> task<> { co_await read_pattern(pair.far, 3'000'000, 50'000); });
        std::vector<std::byte> bytes(3'000'000);
        byte_pattern::fill(bytes, 0);
        const std::span<const std::byte> all(bytes);
        const std::array<std::span<const std::byte>, 4> pieces{all.first(1), all.subspan(1, 1'999'999),
                                                               all.subspan(2'000'000, 0), all.subspan(2'000'000)};
        const result<std::size_t> written =
            co_await pair.near.write(std::span<const std::span<const std::byte>>(pieces));
        BOOST_TEST(*written == bytes.size());
        const result<> ended = co_await pair.near.end();
        BOOST_TEST(ended.has_value());
        co_await readers.join();
    });
}

BOOST_AUTO_TEST_CASE(a_second_read_is_refused_and_the_first_goes_on)
{
    run([]() -> task<> {
        socket_pair pair;
        scope all;
        all.spawn([&]() -> task<> {
            const std::string first = co_await read_once(pair.near);
            BOOST_TEST(first == "for the first");
        });
        co_await pause();
        const std::string second = co_await read_once(pair.near);
        BOOST_TEST(second == "error EALREADY");
        const result<std::size_t> answered = co_await pair.far.write(bytes_of("for the first"));
        BOOST_TEST(answered.has_value());
        co_await all.join();
    });
}

BOOST_AUTO_TEST_CASE(a_reset_reaches_the_reader_and_the_writer, *boost::unit_test::label("NET-34"))
{
    run([]() -> task<> {
        socket_pair pair;
        scope all;
        all.spawn([&pair]() -> task<> {
            const std::string error = co_await read_once(pair.far);
            BOOST_TEST(error == "error ECONNRESET");
        });
        co_await pause();
        pair.near.reset_and_destroy();
        co_await all.join();
        const std::string again = co_await read_once(pair.far);
        BOOST_TEST(again == "error ECONNRESET");
        result<std::size_t> written = co_await pair.far.write(bytes_of("x"));
        co_await pause();
        written = co_await pair.far.write(bytes_of("x"));
        BOOST_TEST(!written.has_value());
        const result<> ended = co_await pair.far.end();
        BOOST_TEST(ended.error() == written.error());
    });
}

BOOST_AUTO_TEST_CASE(a_writer_that_waits_is_told_of_a_reset)
{
    run([]() -> task<> {
        socket_pair pair;
        scope all;
        all.spawn([&pair]() -> task<> {
            const std::vector<std::byte> much(16'000'000);
            const result<std::size_t> written = co_await pair.near.write(much);
            const std::string name = error_name(written.error());
            BOOST_TEST((name == "ECONNRESET" || name == "EPIPE"), name);
        });
        co_await pause();
        pair.far.reset_and_destroy();
        co_await all.join();
    });
}

BOOST_AUTO_TEST_CASE(moved_from_and_never_connected_sockets_say_so, *boost::unit_test::label("NET-32"))
{
    run([]() -> task<> {
        socket_pair pair;
        net::socket near = std::move(pair.near);
        net::socket& empty = pair.near;
        BOOST_TEST(!empty.connected());
        BOOST_TEST(!empty.local_address().has_value());
        BOOST_TEST(!empty.set_no_delay().has_value());
        const std::string read = co_await read_once(empty);
        BOOST_TEST(read == "error ERR_STREAM_DESTROYED");
        const result<std::size_t> written = co_await empty.write(bytes_of("x"));
        BOOST_TEST(written.error() == make_error_code(errc::destroyed));
        const result<> ended = co_await empty.end();
        BOOST_TEST(ended.error() == make_error_code(errc::destroyed));
        const result<> connected = co_await empty.connect();
        BOOST_TEST(!connected.has_value());
        empty.destroy();
        empty.reset_and_destroy();

        net::socket unconnected = net::connect({.port = 1});
        BOOST_TEST(!unconnected.connected());
        const std::string nothing = co_await read_once(unconnected);
        BOOST_TEST(nothing == "error ENOTCONN");
        const result<std::size_t> refused = co_await unconnected.write(bytes_of("x"));
        BOOST_TEST(error_name(refused.error()) == "ENOTCONN");
        const result<> not_ended = co_await unconnected.end();
        BOOST_TEST(error_name(not_ended.error()) == "ENOTCONN");
        near = std::move(pair.far);
        BOOST_TEST(near.connected());
    });
}

BOOST_AUTO_TEST_CASE(takes_over_stream_sockets_only, *boost::unit_test::label("NET-25"))
{
    loop here;
    const std::size_t before = open_descriptors();
    BOOST_CHECK_THROW(net::socket(-1), std::system_error);
    const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    BOOST_CHECK_THROW((net::socket(file)), std::system_error);
    ::close(file);
    const int datagrams = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    BOOST_CHECK_THROW((net::socket(datagrams)), std::system_error);
    ::close(datagrams);
    BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_does_not_block_works_too)
{
    run([]() -> task<> {
        const std::array<int, 2> ends = connected_descriptors(wire::tcp);
        BOOST_REQUIRE(::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
        net::socket near(ends[0]);
        net::socket far(ends[1]);
        scope all;
        all.spawn([&]() -> task<> { co_await write_pattern(near, 4'000'000, 100'000); });
        co_await pause();
        std::vector<std::byte> buffer(100'000);
        for (std::size_t total = 0; total < 4'000'000;) {
            const result<std::size_t> count = co_await far.read(buffer);
            BOOST_REQUIRE(count.has_value());
            total += *count;
        }
        co_await all.join();
    });
}

BOOST_AUTO_TEST_CASE(knows_both_addresses_and_sets_options, *boost::unit_test::label("NET-26 NET-27"))
{
    run([]() -> task<> {
        socket_pair pair;
        BOOST_TEST(pair.near.local_address()->to_string() == pair.far.remote_address()->to_string());
        BOOST_TEST(pair.near.remote_address()->to_string() == pair.far.local_address()->to_string());
        BOOST_TEST(pair.near.local_address()->ip() == "127.0.0.1");
        BOOST_TEST(pair.near.set_no_delay().has_value());
        BOOST_TEST(pair.near.set_no_delay(false).has_value());
        BOOST_TEST(pair.near.set_keep_alive(true, 60s).has_value());
        BOOST_TEST(pair.near.set_keep_alive(false).has_value());
        socket_pair local(wire::pair);
        BOOST_TEST(local.near.set_no_delay().has_value());  // as Node: nothing to do
        BOOST_TEST(local.near.set_keep_alive(true, 60s).has_value());
        BOOST_TEST(local.near.local_address()->path().empty());
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(options_reach_the_system, *boost::unit_test::label("NET-26 NET-27"))
{
    run([]() -> task<> {
        const std::array<int, 2> ends = connected_descriptors(wire::tcp);
        net::socket near(ends[0]);
        const net::socket far(ends[1]);
        const auto option = [&](int level, int name) {
            int value = -1;
            socklen_t size = sizeof value;
            BOOST_REQUIRE(::getsockopt(ends[0], level, name, &value, &size) == 0);
            return value;
        };
        near.set_no_delay().value();
        BOOST_TEST(option(IPPROTO_TCP, TCP_NODELAY) == 1);
        near.set_keep_alive(true, 77s).value();
        BOOST_TEST(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
        BOOST_TEST(option(IPPROTO_TCP, TCP_KEEPIDLE) == 77);
        near.set_keep_alive(false).value();
        BOOST_TEST(option(SOL_SOCKET, SO_KEEPALIVE) == 0);
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(drained_waits_for_the_kernel, *boost::unit_test::label("NET-28"))
{
    run([]() -> task<> {
        socket_pair pair;
        bool drained = false;
        const std::vector<std::byte> some(60'000);
        result<std::size_t> written = co_await pair.near.write(some);
        BOOST_TEST(written.has_value());
        const result<> done = co_await pair.near.drained();
        BOOST_TEST(done.has_value());
        // More than the kernel takes.
        scope all;
        const std::vector<std::byte> much(16'000'000);
        all.spawn([&]() -> task<> {
            const result<std::size_t> all_of_it = co_await pair.near.write(much);
            BOOST_TEST(all_of_it.has_value());
            const result<> left = co_await pair.near.drained();
            drained = left.has_value();
        });
        co_await pause();
        BOOST_TEST(!drained);
        std::vector<std::byte> buffer(100'000);
        for (std::size_t total = 0; total < some.size() + much.size();) {
            const result<std::size_t> count = co_await pair.far.read(buffer);
            BOOST_REQUIRE(count.has_value());
            total += *count;
        }
        co_await all.join();
        BOOST_TEST(drained);
    });
}

BOOST_AUTO_TEST_CASE(a_number_that_is_used_again_gets_nothing_of_its_predecessor)
{
    run([]() -> task<> {
        const std::array<int, 2> first = connected_descriptors(wire::pair);
        std::optional<net::socket> old(std::in_place, first[0]);
        std::optional<net::socket> next;
        std::array<int, 2> second{};
        scope all;
        // Both in one pass over the ready list: the request of the first has not gone to the kernel.
        all.spawn([&]() -> task<> {
            const std::string gone = co_await read_once(*old);
            BOOST_TEST(gone == "error ERR_STREAM_DESTROYED");
        });
        all.spawn([&]() -> task<> {
            old->destroy();
            second = connected_descriptors(wire::pair);
            BOOST_REQUIRE(second[0] == first[0]);
            BOOST_REQUIRE(::write(second[1], "mine", 4) == 4);
            next.emplace(second[0]);
            co_return;
        });
        co_await all.join();
        std::array<std::byte, 16> buffer{};
        const result<std::size_t> mine = co_await with_timeout(1s, next->read(buffer));
        BOOST_TEST(mine.has_value());
        next.reset();
        ::close(first[1]);
        ::close(second[1]);
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
