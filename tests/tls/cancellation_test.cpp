// Reads and writes that are given up at any moment lose no byte and repeat none.

#include <coil/tls/tls.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include "tests/support/random_data.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;
using test::tls_pair;

namespace {

constexpr std::size_t period = 1 << 20;

/// A text that the streams repeat for ever.
const std::string& pattern()
{
    static const std::string text = test::random_data(99).text(period);
    return text;
}

/// What one direction came to.
struct direction {
    std::size_t sent = 0;
    std::size_t received = 0;
    std::size_t reads_given_up = 0;
    std::size_t writes_given_up = 0;
    std::size_t writes_cut_short = 0;

    bool is_enough() const { return sent > 200'000 && reads_given_up > 20 && writes_given_up + writes_cut_short > 5; }
};

std::chrono::microseconds short_time(test::random_data& chance)
{
    // At once, in the same turn, or some turns later.
    return std::chrono::microseconds(chance.next() % 4 == 0 ? 0 : chance.next() % 1500);
}

/// Writes the pattern, giving up at random moments, for two seconds or, on a slow machine, until it is enough, and ends.
task<> write_hesitantly(tls::socket& to, direction& so_far, std::uint64_t seed)
{
    test::random_data chance(seed);
    const auto start = std::chrono::steady_clock::now();
    const auto passed = [start] { return std::chrono::steady_clock::now() - start; };
    while (passed() < 2s || (!so_far.is_enough() && passed() < 20s)) {
        const std::size_t at = so_far.sent % period;
        const std::size_t largest = chance.next() % 8 == 0 ? 500'000 : 3'000;
        const std::size_t size = std::min(period - at, 1 + chance.next() % largest);
        const std::string_view text = std::string_view(pattern()).substr(at, size);
        auto writing = with_timeout(short_time(chance), to.write(text));
        const result<std::size_t> written = co_await writing;
        if (!written) {
            BOOST_TEST_REQUIRE((written.error() == errc::timed_out), name_of(written));
            ++so_far.writes_given_up;
            continue;
        }
        so_far.sent += *written;
        if (*written < size) {
            ++so_far.writes_cut_short;
            continue;  // the queue is full: the next write has to wait, or to give up with nothing written
        }
        if (chance.next() % 16 == 0) {
            auto draining = with_timeout(short_time(chance), to.drained());
            const result<> drained = co_await draining;
            BOOST_TEST_REQUIRE((drained || drained.error() == errc::timed_out), name_of(drained));
        }
        if (chance.next() % 2 == 0) {  // lets the reader wait
            const result<> paused = co_await sleep_for(short_time(chance));
            BOOST_TEST_REQUIRE(paused.has_value());
        }
    }
    const result<> ended = co_await to.end();
    BOOST_TEST(name_of(ended) == "");
}

/// Reads to the end, giving up at random moments, and compares with the pattern.
task<> read_hesitantly(tls::socket& from, direction& so_far, std::uint64_t seed)
{
    test::random_data chance(seed);
    std::vector<std::byte> buffer(200'000);
    while (true) {
        const std::size_t largest = chance.next() % 4 == 0 ? buffer.size() : 2'000;
        const std::span<std::byte> room = std::span(buffer).first(1 + chance.next() % largest);
        auto reading = with_timeout(short_time(chance), from.read(room));
        const result<std::size_t> count = co_await reading;
        if (!count && count.error() == errc::timed_out) {
            ++so_far.reads_given_up;
            continue;
        }
        if (!count) {
            BOOST_TEST((count.error() == errc::end_of_stream), name_of(count));
            co_return;
        }
        for (std::size_t i = 0; i < *count; ++i, ++so_far.received) {
            const char expected = pattern()[so_far.received % period];
            if (static_cast<char>(room[i]) != expected) {
                BOOST_TEST_REQUIRE(so_far.received == 0u, "a wrong byte after " << so_far.received);
                co_return;
            }
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cancellation_test)

BOOST_AUTO_TEST_CASE(giving_up_at_random_moments_loses_and_repeats_no_byte,
                     *boost::unit_test::label("BYD-37 CONN-22 B-087 B-095"))
{
    for (const tls::protocol_version version : {tls::protocol_version::tlsv1_2, tls::protocol_version::tlsv1_3}) {
        test::run([version]() -> task<> {
            tls_pair pair({.allow_half_open = true}, {.allow_half_open = true}, test::only(version));
            auto opening = pair.open();
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            direction up, down;
            scope all;
            all.spawn(write_hesitantly(pair.client, up, 1));
            all.spawn(read_hesitantly(*pair.accepted, up, 2));
            all.spawn(write_hesitantly(*pair.accepted, down, 3));
            all.spawn(read_hesitantly(pair.client, down, 4));
            co_await all.join();
            for (const direction& one : {up, down}) {
                BOOST_TEST_MESSAGE(one.sent << " bytes; given up: " << one.reads_given_up << " reads, "
                                            << one.writes_given_up << " writes; cut short: " << one.writes_cut_short
                                            << " writes");
                BOOST_TEST(one.sent == one.received);
                BOOST_TEST(one.is_enough());
            }
        });
    }
}

BOOST_AUTO_TEST_CASE(a_handshake_given_up_at_random_moments_goes_on_where_it_was,
                     *boost::unit_test::label("BYD-37 SOCK-01 B-095"))
{
    test::run([]() -> task<> {
        test::random_data chance(5);
        std::size_t given_up = 0;
        for (int round = 0; round < 60; ++round) {
            tls_pair pair(round % 2 == 0 ? tls::protocol_version::tlsv1_2 : tls::protocol_version::tlsv1_3);
            while (true) {
                auto connecting =
                    with_timeout(std::chrono::microseconds(chance.next() % 1500), pair.client.secure_connect());
                const result<> connected = co_await connecting;
                if (connected)
                    break;
                BOOST_TEST_REQUIRE((connected.error() == errc::timed_out), name_of(connected));
                ++given_up;
            }
            auto accepting = test::eventually([&] { return pair.accepted.has_value(); });
            const bool accepted = co_await accepting;
            BOOST_TEST_REQUIRE(accepted);
            const result<std::size_t> written = co_await pair.client.write("hello");
            BOOST_TEST(name_of(written) == "");
            auto reading = test::read_exactly(*pair.accepted, 5);
            const std::string text = co_await reading;
            BOOST_TEST(text == "hello");
        }
        BOOST_TEST(given_up > 10u);
    });
}

BOOST_AUTO_TEST_CASE(an_end_that_was_given_up_during_the_handshake_still_leaves)
{
    test::run([]() -> task<> {
        tls_pair pair;
        auto ending = with_timeout(1ms, pair.client.end());
        const result<> not_connected = co_await ending;
        BOOST_TEST(name_of(not_connected) == "ENOTCONN");
    });
    test::run([]() -> task<> {
        std::optional<net::socket> kept;
        net::server server = net::create_server({}, [&](net::socket socket) -> task<> {
            kept.emplace(std::move(socket));
            co_return;
        });
        tls::socket client = tls::connect(test::client_of(test::listen_anywhere(server)));
        auto limited = with_timeout(30ms, client.secure_connect());
        const result<> waits = co_await limited;
        BOOST_TEST(name_of(waits) == "ETIMEDOUT");
        auto ending = with_timeout(5ms, client.end());
        const result<> given_up = co_await ending;
        BOOST_TEST(name_of(given_up) == "ETIMEDOUT");
        auto there = test::eventually([&] { return kept.has_value(); });
        const bool accepted = co_await there;
        BOOST_TEST_REQUIRE(accepted);
        const test::identity& who = test::shared_credentials().server;
        tls::socket_options as_server;
        as_server.is_server = true;
        as_server.secure_context = tls::create_secure_context({.cert = who.cert, .key = who.key});
        tls::socket peer(std::move(*kept), std::move(as_server));
        scope both;
        auto shaking = [&]() -> task<> {
            auto handshake = client.secure_connect();
            const result<> done = co_await handshake;
            BOOST_TEST(name_of(done) == "");
        };
        both.spawn(shaking);
        std::error_code why;
        auto reading = test::read_all(peer, why);
        const std::string text = co_await reading;
        BOOST_TEST(text == "");
        BOOST_TEST((why == errc::end_of_stream), why.message());
        co_await both.join();
    });
}

BOOST_AUTO_TEST_CASE(a_secure_connect_whose_socket_goes_or_moves_meanwhile_is_defined)
{
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(test::shared_credentials().server), test::echo);
        const std::uint16_t port = test::listen_anywhere(server);
        std::size_t destroyed = 0;
        // As it begins to connect, and at several moments until after the handshake.
        for (int turns = 1; turns <= 40; ++turns) {
            for (const bool moves : {false, true}) {
                std::optional<tls::socket> client(tls::connect(test::client_of(port)));
                std::optional<tls::socket> elsewhere;
                result<> outcome;
                scope connecting;
                connecting.spawn([&]() -> task<> { outcome = co_await client->secure_connect(); });
                for (int i = 0; i < turns; ++i) {
                    if (turns % 2 == 0) {
                        co_await this_task::yield();
                    } else {
                        const result<> slept = co_await sleep_for(50us);
                        slept.value();
                    }
                }
                if (moves)
                    elsewhere.emplace(std::move(*client));
                client.reset();
                co_await connecting.join();
                if (moves) {
                    BOOST_TEST(name_of(outcome) == "");
                    BOOST_TEST(!elsewhere->secure_connecting());
                } else if (!outcome) {
                    BOOST_TEST((outcome.error() == errc::destroyed), name_of(outcome));
                    ++destroyed;
                }
            }
        }
        BOOST_TEST(destroyed > 2u);
        // In the handshake itself: the peer says nothing.
        std::optional<net::socket> silent;
        net::server mute = net::create_server({}, [&](net::socket socket) -> task<> {
            silent.emplace(std::move(socket));
            co_return;
        });
        std::optional<tls::socket> client(tls::connect(test::client_of(test::listen_anywhere(mute))));
        result<> outcome;
        scope connecting;
        connecting.spawn([&]() -> task<> { outcome = co_await client->secure_connect(); });
        auto there = test::eventually([&] { return silent.has_value(); });
        const bool accepted = co_await there;
        BOOST_TEST_REQUIRE(accepted);
        client.reset();
        co_await connecting.join();
        BOOST_TEST((outcome.error() == errc::destroyed), name_of(outcome));
    });
}

BOOST_AUTO_TEST_SUITE_END()
