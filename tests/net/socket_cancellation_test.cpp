// Stopping reads and writes of net::socket at any moment: no byte is lost or doubled, and nothing is left behind.

#include <coil/net/socket.hpp>

#include "tests/support/child_end.hpp"
#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

constexpr unsigned seed = 20240607;

task<> pause(std::chrono::nanoseconds time = 2ms)
{
    const result<> slept = co_await sleep_for(time);
    slept.value();
}

template <class F>
void run(F body, const loop_options& options = loop_options())
{
    loop here(options);
    const auto outer = [&]() -> task<> {
        const process_counts before = process_counts::now();
        co_await body();
        co_await counts_return_to(before);
    };
    here.run(outer());
}

/// What a writer has sent, for the reader to compare with.
struct progress {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    int stopped_reads = 0;
    int stopped_writes = 0;
    int short_writes = 0;

    bool is_enough() const { return sent > 0 && stopped_reads > 0 && short_writes + stopped_writes > 0; }
};

/// Writes a pattern for a while or, on a slow machine, until it is enough, with deadlines from none at all to long.
task<> write_with_deadlines(net::socket& to, progress& counts, unsigned number)
{
    std::mt19937 random(seed + number);
    std::vector<std::byte> bytes(400'000);
    const auto start = std::chrono::steady_clock::now();
    const auto passed = [start] { return std::chrono::steady_clock::now() - start; };
    while (passed() < 700ms || (!counts.is_enough() && passed() < 20s)) {
        const std::span<std::byte> piece =
            std::span(bytes).first(1 + random() % (random() % 4 == 0 ? bytes.size() : 2000));
        byte_pattern::fill(piece, counts.sent);
        const std::chrono::microseconds limit(random() % 300);
        const result<std::size_t> written = co_await with_timeout(limit, to.write(piece));
        if (written) {
            counts.short_writes += *written < piece.size();
            counts.sent += *written;
        } else {
            BOOST_REQUIRE(written.error() == make_error_code(errc::timed_out));
            ++counts.stopped_writes;
        }
        if (random() % 4 == 0)
            co_await pause(std::chrono::microseconds(random() % 2000));
        if (random() % 100 == 0) {  // the reader gets to the end, and waits
            while (counts.received < counts.sent && passed() < 20s)
                co_await pause();
            co_await pause(20ms);
        }
    }
    const result<> ended = co_await to.end();
    BOOST_TEST(ended.has_value());
}

task<> read_with_deadlines(net::socket& from, progress& counts, unsigned number)
{
    std::mt19937 random(seed + number);
    std::vector<std::byte> buffer(200'000);
    while (true) {
        const std::span<std::byte> room =
            std::span(buffer).first(1 + random() % (random() % 4 == 0 ? buffer.size() : 3000));
        const std::chrono::microseconds limit(random() % 300);
        const result<std::size_t> count = co_await with_timeout(limit, from.read(room));
        if (count) {
            BOOST_REQUIRE(byte_pattern::matches(room.first(*count), counts.received));
            counts.received += *count;
        } else if (count.error() == errc::timed_out) {
            ++counts.stopped_reads;
        } else {
            BOOST_TEST(count.error() == make_error_code(errc::end_of_stream));
            co_return;
        }
        if (random() % 30 == 0)
            co_await pause(std::chrono::microseconds(random() % 2000));
    }
}

task<> random_deadlines(wire kind)
{
    socket_pair pair(kind, {.allow_half_open = true});
    progress there;
    progress back;
    scope all;
    all.spawn(write_with_deadlines(pair.near, there, 1));
    all.spawn(read_with_deadlines(pair.far, there, 2));
    all.spawn(write_with_deadlines(pair.far, back, 3));
    all.spawn(read_with_deadlines(pair.near, back, 4));
    co_await all.join();
    for (const progress& each : {there, back}) {
        BOOST_TEST_MESSAGE(each.sent << " bytes, " << each.stopped_reads << " reads and " << each.stopped_writes
                                     << " writes stopped, " << each.short_writes << " cut short, seed " << seed);
        BOOST_TEST(each.received == each.sent);
        BOOST_TEST(each.is_enough());
    }
}

/// Destroys coroutines that read, again and again, while bytes arrive.
task<> destroyed_readers(socket_pair& pair)
{
    std::mt19937 random(seed);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::vector<std::byte> buffer(10'000);
    for (int round = 0; round < 300; ++round) {
        std::optional<scope> readers;
        readers.emplace();
        readers->spawn([&]() -> task<> {
            while (true) {
                const result<std::size_t> count = co_await pair.far.read(buffer);
                if (!count)
                    break;
                BOOST_REQUIRE(byte_pattern::matches(std::span(buffer).first(*count), received));
                received += *count;
            }
        });
        std::vector<std::byte> bytes(random() % 9000);
        byte_pattern::fill(bytes, sent);
        const result<std::size_t> written = co_await pair.near.write(bytes);
        BOOST_REQUIRE(written.has_value());
        sent += bytes.size();
        if (random() % 2 == 0)
            co_await pause(std::chrono::microseconds(random() % 200));
        readers.reset();
    }
    while (received < sent) {
        const result<std::size_t> count = co_await pair.far.read(buffer);
        BOOST_REQUIRE(count.has_value());
        BOOST_REQUIRE(byte_pattern::matches(std::span(buffer).first(*count), received));
        received += *count;
    }
    BOOST_TEST(received == sent);
}

BOOST_AUTO_TEST_SUITE(socket_cancellation_test)

BOOST_DATA_TEST_CASE(random_deadlines_lose_no_byte, boost::unit_test::data::make({wire::tcp, wire::pair}), kind)
{
    run([kind]() { return random_deadlines(kind); });
}

BOOST_AUTO_TEST_CASE(random_deadlines_lose_no_byte_where_buffers_are_scarce)
{
    run([]() { return random_deadlines(wire::tcp); },
        {.submission_entries = 2, .completion_entries = 4, .receive_buffers = 2});
    run([]() { return random_deadlines(wire::tcp); }, {.receive_buffers = 0});
}

BOOST_AUTO_TEST_CASE(destroying_who_reads_loses_no_byte)
{
    run([]() -> task<> {
        socket_pair pair;
        co_await destroyed_readers(pair);
    });
    run(
        []() -> task<> {
            socket_pair pair;
            co_await destroyed_readers(pair);
        },
        {.receive_buffers = 0});
}

BOOST_AUTO_TEST_CASE(a_cancelled_read_loses_no_byte)
{
    run([]() -> task<> {
        socket_pair pair;
        std::array<std::byte, 16> buffer{};
        const result<std::size_t> none = co_await with_timeout(1ms, pair.far.read(buffer));
        BOOST_TEST(none.error() == make_error_code(errc::timed_out));
        const result<std::size_t> written = co_await pair.near.write(bytes_of("kept"));
        BOOST_TEST(written.has_value());
        const result<std::size_t> count = co_await pair.far.read(buffer);
        BOOST_TEST(text_of(std::span(buffer).first(*count)) == "kept");
    });
}

BOOST_AUTO_TEST_CASE(a_read_that_gets_bytes_at_the_moment_of_the_stop_delivers_them)
{
    run([]() -> task<> {
        socket_pair pair(wire::pair);
        stop_source stop;
        scope readers;
        std::string got;
        readers.spawn([&]() -> task<> {
            co_await internal::use_stop_token(stop.token());
            std::array<std::byte, 16> buffer{};
            const result<std::size_t> count = co_await pair.far.read(buffer);
            got = count ? text_of(std::span(buffer).first(*count)) : error_name(count.error());
        });
        co_await pause();
        const result<std::size_t> written = co_await pair.near.write(bytes_of("both"));
        BOOST_TEST(written.has_value());
        const result<> sent =
            co_await pair.near.drained();  // its completion came; that of the read may be next in the queue
        BOOST_TEST(sent.has_value());
        stop.request_stop();
        co_await readers.join();
        std::array<std::byte, 16> buffer{};
        if (got == "ABORT_ERR") {
            const result<std::size_t> count = co_await pair.far.read(buffer);
            got = text_of(std::span(buffer).first(*count));
        }
        BOOST_TEST(got == "both");
    });
}

BOOST_AUTO_TEST_CASE(under_a_stop_what_needs_no_wait_is_done_and_what_needs_one_is_cancelled)
{
    run([]() -> task<> {
        socket_pair pair;
        stop_source stop;
        stop.request_stop();
        scope stopped(stop.token());
        stopped.spawn([&pair]() -> task<> {
            std::array<std::byte, 16> buffer{};
            const result<std::size_t> none = co_await pair.near.read(buffer);
            BOOST_TEST(none.error() == make_error_code(errc::canceled));
            const result<std::size_t> written = co_await pair.near.write(bytes_of("goodbye"));
            BOOST_TEST(written.has_value());
            const result<> drained = co_await pair.near.drained();
            BOOST_TEST(drained.error() == make_error_code(errc::canceled));
            const result<> ended = co_await pair.near.end();
            BOOST_TEST(ended.error() == make_error_code(errc::canceled));  // it leaves all the same
        });
        co_await stopped.join();
        std::array<std::byte, 16> buffer{};
        const result<std::size_t> count = co_await pair.far.read(buffer);
        BOOST_TEST(text_of(std::span(buffer).first(*count)) == "goodbye");
        const result<std::size_t> end = co_await pair.far.read(buffer);
        BOOST_TEST(end.error() == make_error_code(errc::end_of_stream));
    });
}

BOOST_AUTO_TEST_CASE(a_write_that_is_stopped_midway_says_how_much_went)
{
    run([]() -> task<> {
        socket_pair pair;
        std::vector<std::byte> much(32'000'000);
        byte_pattern::fill(much, 0);
        const result<std::size_t> written = co_await with_timeout(20ms, pair.near.write(much));
        BOOST_REQUIRE(written.has_value());
        BOOST_TEST(*written > 0U);
        BOOST_TEST(*written < much.size());
        const result<std::size_t> none = co_await with_timeout(5ms, pair.near.write(much));
        BOOST_TEST(none.error() == make_error_code(errc::timed_out));
        scope readers;
        readers.spawn(read_pattern(pair.far, *written + 1000, 100'000));
        std::vector<std::byte> more(1000);
        byte_pattern::fill(more, *written);
        const result<std::size_t> rest = co_await pair.near.write(more);
        BOOST_TEST(rest.has_value());
        const result<> ended = co_await pair.near.end();
        BOOST_TEST(ended.has_value());
        co_await readers.join();
    });
}

BOOST_AUTO_TEST_CASE(destroying_who_writes_leaves_the_socket_usable)
{
    run([]() -> task<> {
        socket_pair pair;
        std::optional<scope> writers;
        writers.emplace();
        writers->spawn([&pair]() -> task<> {
            const std::vector<std::byte> much(32'000'000, std::byte{'m'});
            const result<std::size_t> never = co_await pair.near.write(much);
            BOOST_TEST(!never.has_value());
        });
        co_await pause();
        writers.reset();
        scope readers;
        std::string tail;
        readers.spawn([&]() -> task<> {
            std::vector<std::byte> buffer(100'000);
            while (true) {
                const result<std::size_t> count = co_await pair.far.read(buffer);
                if (!count)
                    break;
                for (const std::byte each : std::span(buffer).first(*count))
                    if (each != std::byte{'m'})
                        tail += static_cast<char>(each);
            }
        });
        const result<std::size_t> written = co_await pair.near.write(bytes_of("tail"));
        BOOST_TEST(written.has_value());
        const result<> ended = co_await pair.near.end();
        BOOST_TEST(ended.has_value());
        co_await readers.join();
        BOOST_TEST(tail == "tail");
    });
}

BOOST_AUTO_TEST_CASE(an_end_that_is_stopped_leaves_all_the_same)
{
    run([]() -> task<> {
        socket_pair pair;
        constexpr std::size_t size = 100'000;
        co_await write_pattern(pair.near, size, size);
        const result<> ended = co_await with_timeout(0ns, pair.near.end());
        BOOST_TEST((ended.has_value() || ended.error() == errc::timed_out));
        co_await read_pattern(pair.far, size, 10'000);
    });
}

BOOST_AUTO_TEST_CASE(a_connect_whose_socket_goes_or_moves_meanwhile_is_defined)
{
    loop here;
    const auto body = []() -> task<> {
        net::server server = net::create_server({}, [](net::socket) -> task<> { co_return; });
        server.listen({.host = "127.0.0.1"}).value();
        for (const bool moves : {false, true}) {
            std::optional<net::socket> client(net::connect({.host = "127.0.0.1", .port = server.address()->port()}));
            std::optional<net::socket> elsewhere;
            std::error_code outcome;
            scope connecting;
            connecting.spawn([&]() -> task<> {
                const result<> connected = co_await client->connect();
                outcome = connected.error();
            });
            co_await this_task::yield();
            BOOST_TEST(connecting.size() == 1U);
            if (moves)
                elsewhere.emplace(std::move(*client));
            client.reset();
            co_await connecting.join();
            BOOST_TEST(outcome == (moves ? std::error_code() : make_error_code(errc::destroyed)));
            BOOST_TEST((elsewhere && elsewhere->connected()) == moves);
        }
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(destroying_a_socket_on_another_thread_while_it_is_read_stops_the_program)
{
    BOOST_TEST(stops_with("an operation of another thread's loop is cancelled", [] {
        loop here;
        const auto body = []() -> task<> {
            std::optional<socket_pair> ends(std::in_place);
            std::array<std::byte, 8> buffer{};
            auto reading = with_timeout(1ms, ends->near.read(buffer));
            const result<std::size_t> none = co_await reading;
            BOOST_TEST(!none.has_value());
            std::thread([&] {
                loop there;
                ends->near.destroy();
            }).join();
        };
        here.run(body());
    }));
}

#ifndef NDEBUG

BOOST_AUTO_TEST_CASE(reading_on_another_thread_stops_the_program)
{
    BOOST_TEST(stops_with("a socket that belongs to another thread is awaited in ", [] {
        loop here;
        const auto body = []() -> task<> {
            socket_pair ends;
            const auto read = [&]() -> task<> {
                std::array<std::byte, 8> buffer{};
                const result<std::size_t> count = co_await ends.near.read(buffer);
                static_cast<void>(count);
            };
            scope reading;
            reading.spawn(read());
            co_await this_task::yield();
            std::thread([&] {
                loop there;
                there.run(read());
            }).join();
            co_await reading.join();
        };
        here.run(body());
    }));
}

#endif

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
