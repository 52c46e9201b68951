// What the network adds to the counts of a loop.

#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/net/server.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

task<> pause(std::chrono::milliseconds time)
{
    const result<> slept = co_await sleep_for(time);
    slept.value();
}

/// Reads `size` bytes from `from`.
task<> read_bytes(net::socket& from, std::size_t size)
{
    std::vector<std::byte> buffer(4096);
    while (size > 0) {
        const result<std::size_t> count = co_await from.read(std::span(buffer).first(std::min(size, buffer.size())));
        BOOST_REQUIRE(count.has_value());
        size -= *count;
    }
}

/// Writes `text` into a socket without its loop.
void write_past(int descriptor, const std::string& text)
{
    BOOST_REQUIRE(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

BOOST_AUTO_TEST_SUITE(loop_stats_test)

BOOST_AUTO_TEST_CASE(an_empty_pool_is_counted_and_survived)
{
    loop here({.receive_buffers = 2});
    if (!here.capabilities().provided_buffers) {
        BOOST_TEST(!here.stats().fewest_buffers_left.has_value());
        return;
    }
    BOOST_TEST(here.stats().fewest_buffers_left.value() == 2U);
    const auto body = [&]() -> task<> {
        std::vector<std::unique_ptr<socket_pair>> pairs;
        scope readers;
        for (int i = 0; i < 8; ++i) {
            socket_pair& pair = *pairs.emplace_back(std::make_unique<socket_pair>());
            readers.spawn(read_bytes(pair.far, 20'000));
        }
        for (const auto& each : pairs)
            readers.spawn(write_pattern(each->near, 20'000, 20'000));
        co_await readers.join();
    };
    here.run(body());
    const loop_stats after = here.stats();
    if (here.capabilities().backend == backend::io_uring) {
        BOOST_TEST(after.buffer_shortages > 0U);
        BOOST_TEST(after.fewest_buffers_left.value() == 0U);
        BOOST_TEST(after.receive_rearms[rearm_reason::no_buffer] > 0U);
    } else {  // which waits for buffers that are on their way
        BOOST_TEST(after.receive_rearms.total() == after.receive_rearms[rearm_reason::bulk]);
    }
    BOOST_TEST(after.receive_buffers_lent == 0U);
}

BOOST_AUTO_TEST_CASE(the_low_water_mark_of_the_pool_stays)
{
    loop here({.receive_buffers = 16});
    const auto body = [&]() -> task<> {
        const std::array<int, 2> ends = connected_descriptors();
        net::socket reader(ends[0]);
        auto first = read_bytes(reader, 1);
        write_past(ends[1], "ab");
        co_await first;
        const auto lent = loop::current().stats().receive_buffers_lent;
        BOOST_TEST(lent == (loop::current().capabilities().provided_buffers ? 1U : 0U));
        co_await read_bytes(reader, 1);
        ::close(ends[1]);
    };
    here.run(body());
    const loop_stats after = here.stats();
    BOOST_TEST(after.receive_buffers_lent == 0U);
    BOOST_TEST(after.buffer_shortages == 0U);
    BOOST_TEST(after.fewest_buffers_left.value_or(15U) == 15U);
}

BOOST_AUTO_TEST_CASE(receives_are_rearmed_after_back_pressure_and_after_bulk_data)
{
    loop here;
    const auto body = [&]() -> task<> {
        constexpr std::size_t much = 3 * 1024 * 1024;
        socket_pair ends;
        scope both;
        both.spawn(write_pattern(ends.near, much, 64 * 1024));
        co_await read_bytes(ends.far, 1);
        co_await pause(50ms);  // it comes to the allowance
        co_await read_bytes(ends.far, much - 1);
        co_await both.join();
        for (int i = 0; i < 3; ++i) {  // short ones end the bulk transfer
            const result<std::size_t> written = co_await ends.near.write(bytes_of("x"));
            written.value();
            co_await read_bytes(ends.far, 1);
            co_await pause(1ms);
        }
    };
    here.run(body());
    const loop_stats after = here.stats();
    BOOST_TEST_MESSAGE(after.to_string());
    const bool multishot = here.capabilities().provided_buffers;
    BOOST_TEST((after.receive_rearms[rearm_reason::bulk] > 0U) == multishot);
    BOOST_TEST(after.receive_rearms[rearm_reason::no_buffer] == 0U);
}

BOOST_AUTO_TEST_CASE(receives_of_small_pieces_are_rearmed_after_back_pressure)
{
    loop here({.receive_buffer_size = 8192});
    const auto body = [&]() -> task<> {
        const std::array<int, 2> ends = connected_descriptors();
        net::socket reader(ends[0]);
        // Each too short to fill a buffer, so that they are not taken for a bulk transfer.
        const std::string piece(4000, 'x');
        constexpr std::size_t pieces = 40;
        auto first = read_bytes(reader, 1);
        write_past(ends[1], piece);
        co_await first;
        for (std::size_t i = 1; i < pieces; ++i) {
            write_past(ends[1], piece);
            co_await pause(1ms);
        }
        co_await read_bytes(reader, pieces * piece.size() - 1);
        ::close(ends[1]);
    };
    here.run(body());
    const bool multishot = here.capabilities().provided_buffers;
    BOOST_TEST((here.stats().receive_rearms[rearm_reason::back_pressure] > 0U) == multishot);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_armed_once)
{
    loop here;
    const auto body = [&]() -> task<> {
        socket_pair ends;
        for (int i = 0; i < 100; ++i) {
            const result<std::size_t> written = co_await ends.near.write(bytes_of("x"));
            written.value();
            co_await read_bytes(ends.far, 1);
        }
    };
    here.run(body());
    BOOST_TEST(here.stats().receive_rearms.total() == 0U);
}

BOOST_AUTO_TEST_CASE(receives_and_accepts_that_the_kernel_ends_are_rearmed)
{
    loop here({.submission_entries = 2, .completion_entries = 2});
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            int served = 0;
            net::server server = net::create_server({}, [&](net::socket accepted) -> task<> {
                co_await read_bytes(accepted, 8);
                ++served;
            });
            server.listen({.host = "127.0.0.1"}).value();
            const net::address where = *server.address();
            constexpr int clients = 32;
            std::vector<int> connected;
            for (int i = 0; i < clients; ++i) {  // all of them between two turns of the loop
                connected.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
                BOOST_REQUIRE(::connect(connected.back(), where.system_address(), where.system_size()) == 0);
            }
            for (int i = 0; i < 8; ++i) {
                for (const int each : connected)
                    write_past(each, "x");
                co_await pause(2ms);
            }
            while (served < clients)
                co_await pause(1ms);
            for (const int each : connected)
                ::close(each);
            server.close().value();
            static_cast<void>(co_await server.closed());
        }
        co_await counts_return_to(before);
    };
    here.run(body());
    const loop_stats after = here.stats();
    BOOST_TEST_MESSAGE(after.to_string());
    const bool has_queue = here.capabilities().backend == backend::io_uring;
    BOOST_TEST((after.completion_overflows > 0U) == has_queue);
    BOOST_TEST((after.accept_rearms[rearm_reason::ended] > 0U) == (has_queue && here.capabilities().multishot_accept));
    BOOST_TEST((after.receive_rearms[rearm_reason::ended] > 0U) == (has_queue && here.capabilities().provided_buffers));
    BOOST_TEST(after.lost_completions == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
