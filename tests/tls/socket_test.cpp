#include <coil/tls/socket.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include "tests/support/engine_pair.hpp"
#include "tests/support/engine_peer.hpp"
#include "tests/support/process_counts.hpp"
#include "tests/support/random_data.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <optional>
#include <string>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;
using test::tls_pair;
using tls::protocol_version;

namespace {

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

/// Writes `size` random bytes in pieces of odd sizes and ends; gives the digest of what it wrote.
task<> send_random(tls::socket& to, std::size_t size, std::uint64_t seed, std::string& written)
{
    test::random_data data(seed);
    test::digest all;
    std::vector<std::byte> piece;
    for (std::size_t sent = 0; sent < size;) {
        piece.resize(std::min(size - sent, 1 + data.next() % 200'000));
        data.fill(piece);
        const result<std::size_t> count = co_await to.write(piece);
        BOOST_TEST_REQUIRE(name_of(count) == "");
        BOOST_TEST_REQUIRE(*count == piece.size());
        all.add(piece);
        sent += piece.size();
    }
    const result<> ended = co_await to.end();
    BOOST_TEST(name_of(ended) == "");
    written = all.hex();
}

/// Reads to the end; gives how much came and its digest.
task<> receive_random(tls::socket& from, std::size_t& size, std::string& read)
{
    test::digest all;
    std::vector<std::byte> buffer(100'000);
    while (true) {
        const result<std::size_t> count = co_await from.read(buffer);
        if (!count) {
            BOOST_TEST((count.error() == errc::end_of_stream), name_of(count));
            break;
        }
        all.add(std::span<const std::byte>(buffer).first(*count));
        size += *count;
    }
    read = all.hex();
}

/// A server's bytes in the hands of the test, and coil's client.
struct rule_breaker {
    std::optional<test::engine_peer> peer;
    net::server server = net::create_server({}, [this](net::socket accepted) -> task<> {
        const test::identity& who = test::shared_credentials().server;
        tls::engine engine(tls::create_secure_context({.cert = who.cert, .key = who.key}), tls::role::server);
        peer.emplace(test::engine_peer{std::move(accepted), std::move(engine)});
        auto shaking = peer->handshake();
        const bool done = co_await shaking;
        ready = done;
    });
    std::uint16_t port = test::listen_anywhere(server);
    bool ready = false;

    rule_breaker() = default;
    rule_breaker(const rule_breaker&) = delete;

    /// Connects `client` and waits until the peer's side is ready.
    task<bool> open(tls::socket& client)
    {
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        auto waiting = test::eventually([this] { return ready; });
        const bool there = co_await waiting;
        co_return connected&& there;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(socket_test)

BOOST_AUTO_TEST_CASE(sixteen_mebibytes_go_both_ways_at_once)
{
    for (const protocol_version version : both_versions) {
        test::run([version]() -> task<> {
            constexpr std::size_t size = 16 * 1024 * 1024;
            tls_pair pair({.allow_half_open = true}, {.allow_half_open = true}, test::only(version));
            auto opening = pair.open();
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            BOOST_TEST(pair.client.get_protocol().value() == tls::to_string(version));
            BOOST_TEST(pair.accepted->get_protocol().value() == tls::to_string(version));

            std::string up, down, up_read, down_read;
            std::size_t up_size = 0, down_size = 0;
            scope all;
            all.spawn(send_random(pair.client, size, 1, up));
            all.spawn(send_random(*pair.accepted, size, 2, down));
            all.spawn(receive_random(*pair.accepted, up_size, up_read));
            all.spawn(receive_random(pair.client, down_size, down_read));
            co_await all.join();
            BOOST_TEST(up_size == size);
            BOOST_TEST(down_size == size);
            BOOST_TEST(up == up_read);
            BOOST_TEST(down == down_read);
        });
    }
}

BOOST_AUTO_TEST_CASE(a_read_that_ran_into_its_deadline_leaves_the_stream_as_it_was)
{
    test::run([]() -> task<> {
        tls_pair pair;
        auto opening = pair.open();
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        std::array<std::byte, 100> buffer;
        for (int i = 0; i < 3; ++i) {
            auto limited = with_timeout(20ms, pair.client.read(buffer));
            const result<std::size_t> none = co_await limited;
            BOOST_TEST(name_of(none) == "ETIMEDOUT");
        }
        const result<std::size_t> written = co_await pair.accepted->write("still there");
        BOOST_TEST(written.has_value());
        auto limited = with_timeout(5s, pair.client.read(buffer));
        const result<std::size_t> some = co_await limited;
        BOOST_TEST_REQUIRE(some.has_value());
        BOOST_TEST(*some == 11u);
    });
}

BOOST_AUTO_TEST_CASE(a_second_reader_is_told_that_there_is_one)
{
    test::run([]() -> task<> {
        tls_pair pair;
        auto opening = pair.open();
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        scope all;
        std::string first_read;
        auto first = [&]() -> task<> {
            auto reading = test::read_exactly(pair.client, 5);
            first_read = co_await reading;
        };
        all.spawn(first);
        const result<> turn = co_await sleep_for(5ms);
        BOOST_TEST(turn.has_value());
        std::array<std::byte, 10> buffer;
        const result<std::size_t> second = co_await pair.client.read(buffer);
        BOOST_TEST(name_of(second) == "EALREADY");
        const result<std::size_t> written = co_await pair.accepted->write("first");
        BOOST_TEST(written.has_value());
        co_await all.join();
        BOOST_TEST(first_read == "first");
    });
}

BOOST_AUTO_TEST_CASE(an_end_without_close_notify_is_told_apart_from_an_orderly_one,
                     *boost::unit_test::label("BYD-21 EVT-20 GEN-11"))
{
    test::run([]() -> task<> {
        for (const bool orderly : {true, false}) {
            for (const bool allowed : {true, false}) {
                rule_breaker server;
                tls::socket client =
                    tls::connect(test::client_of(server.port, {.allow_half_open = true, .allow_truncation = allowed}));
                auto opening = server.open(client);
                const bool open = co_await opening;
                BOOST_TEST_REQUIRE(open);
                auto writing = server.peer->write("half a mess");
                const bool written = co_await writing;
                BOOST_TEST(written);
                if (orderly) {
                    auto closing = server.peer->close_notify();
                    const bool closed = co_await closing;
                    BOOST_TEST(closed);
                }
                const result<> ended = co_await server.peer->wire.end();
                BOOST_TEST(ended.has_value());

                for (int i = 0; i < 3; ++i) {  // it is said as often as it is asked for
                    std::error_code why;
                    auto reading = test::read_all(client, why);
                    const std::string text = co_await reading;
                    BOOST_TEST(text == (i == 0 ? "half a mess" : ""));
                    const std::error_code expected = orderly || allowed ? make_error_code(errc::end_of_stream)
                                                                        : make_error_code(tls::errc::truncated);
                    BOOST_TEST(why == expected);
                }
                const result<std::size_t> sent = co_await client.write("the other direction is open");
                BOOST_TEST(name_of(sent) == "");
                auto reading = server.peer->read();
                const std::string heard = co_await reading;
                BOOST_TEST(heard == "the other direction is open");
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(a_record_that_was_cut_in_two_is_a_truncation_even_where_that_is_allowed,
                     *boost::unit_test::label("BYD-21"))
{
    test::run([]() -> task<> {
        rule_breaker server;
        tls::socket client = tls::connect(test::client_of(server.port, {.allow_truncation = true}));
        auto opening = server.open(client);
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        server.peer->engine.write(test::as_bytes("cut in two"));
        const std::span<const std::byte> record = server.peer->engine.output();
        const result<std::size_t> sent = co_await server.peer->wire.write(record.first(record.size() / 2));
        BOOST_TEST(sent.has_value());
        const result<> ended = co_await server.peer->wire.end();
        BOOST_TEST(ended.has_value());
        std::error_code why;
        auto reading = test::read_all(client, why);
        const std::string text = co_await reading;
        BOOST_TEST(text == "");
        BOOST_TEST((why == tls::errc::truncated), why.message());
    });
}

BOOST_AUTO_TEST_CASE(what_the_engine_wants_to_say_after_the_end_of_this_side_harms_nobody,
                     *boost::unit_test::label("SOCK-39"))
{
    for (const protocol_version version : both_versions) {
        test::run([version]() -> task<> {
            rule_breaker server;
            tls::socket client = tls::connect(test::client_of(server.port, {}, test::only(version)));
            auto opening = server.open(client);
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            const result<> ended = co_await client.end();
            BOOST_TEST(ended.has_value());
            // A record with a wrong tag, which breaks the connection when its own side has ended already.
            std::array<std::byte, 45> record{};
            record[0] = std::byte{23};
            record[1] = record[2] = std::byte{3};
            record[4] = std::byte{40};
            const result<std::size_t> sent = co_await server.peer->wire.write(record);
            BOOST_TEST(sent.has_value());
            std::array<std::byte, 10> buffer;
            const result<std::size_t> read = co_await client.read(buffer);
            BOOST_TEST(!read.has_value());
            BOOST_TEST(name_of(read).starts_with("ERR_SSL_"));
            const result<std::size_t> again = co_await client.read(buffer);
            BOOST_TEST(name_of(again) == name_of(read));
            const result<> nothing = co_await sleep_for(20ms);
            BOOST_TEST(nothing.has_value());
        });
    }
}

BOOST_AUTO_TEST_CASE(a_destroyed_socket_ends_every_wait_and_drops_what_was_not_sent,
                     *boost::unit_test::label("ERR-30 SOCK-40"))
{
    test::run([]() -> task<> {
        tls_pair pair;
        auto opening = pair.open();
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        scope all;
        std::string read_error, write_error;
        auto reader = [&]() -> task<> {
            std::array<std::byte, 10> buffer;
            const result<std::size_t> count = co_await pair.client.read(buffer);
            read_error = name_of(count);
        };
        auto writer = [&]() -> task<> {
            const std::string much(32 * 1024 * 1024, 'x');
            const result<std::size_t> count = co_await pair.client.write(much);
            write_error = name_of(count);
        };
        all.spawn(reader);
        all.spawn(writer);
        const result<> turn = co_await sleep_for(30ms);
        BOOST_TEST(turn.has_value());
        pair.client.destroy();
        pair.client.destroy();
        co_await all.join();
        BOOST_TEST(read_error == "ERR_STREAM_DESTROYED");
        BOOST_TEST(write_error == "ERR_STREAM_DESTROYED");
        const result<std::size_t> late = co_await pair.client.write("late");
        BOOST_TEST(name_of(late) == "ERR_STREAM_DESTROYED");
        const result<> ended = co_await pair.client.end();
        BOOST_TEST(name_of(ended) == "ERR_STREAM_DESTROYED");

        std::error_code why;
        auto reading = test::read_all(*pair.accepted, why);
        const std::string rest = co_await reading;
        BOOST_TEST(rest.size() < 32u * 1024 * 1024);
        BOOST_TEST((why == tls::errc::truncated || why == errc::reset), why.message());
    });
}

BOOST_AUTO_TEST_CASE(a_reset_is_a_reset_at_the_other_end, *boost::unit_test::label("NET-34"))
{
    test::run([]() -> task<> {
        tls_pair pair;
        auto opening = pair.open();
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        auto echoing = test::read_exactly(*pair.accepted, 4);
        const result<std::size_t> written = co_await pair.client.write("data");
        BOOST_TEST(written.has_value());
        const std::string text = co_await echoing;
        BOOST_TEST(text == "data");
        pair.client.reset_and_destroy();
        std::error_code why;
        auto reading = test::read_all(*pair.accepted, why);
        const std::string rest = co_await reading;
        BOOST_TEST(rest == "");
        BOOST_TEST((why == errc::reset), why.message());
        const result<std::size_t> late = co_await pair.accepted->write("late");
        BOOST_TEST(name_of(late) == "ECONNRESET");
        BOOST_TEST(pair.accepted->error_info().code == "ECONNRESET");
        BOOST_TEST(!pair.accepted->get_protocol().has_value());
    });
}

BOOST_AUTO_TEST_CASE(empty_writes_are_no_error_and_send_nothing, *boost::unit_test::label("NET-28 B-074 B-093"))
{
    test::run([]() -> task<> {
        tls_pair pair;
        auto opening = pair.open();
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        const result<std::size_t> none = co_await pair.client.write("");
        BOOST_TEST(none.has_value());
        const std::array<std::span<const std::byte>, 4> pieces{test::as_bytes(""), test::as_bytes("a"),
                                                               test::as_bytes(""), test::as_bytes("bc")};
        const result<std::size_t> three = co_await pair.client.write(pieces);
        BOOST_TEST_REQUIRE(three.has_value());
        BOOST_TEST(*three == 3u);
        auto reading = test::read_exactly(*pair.accepted, 3);
        const std::string text = co_await reading;
        BOOST_TEST(text == "abc");
    });
}

BOOST_AUTO_TEST_CASE(pieces_of_every_size_arrive_as_one_text)
{
    test::run([]() -> task<> {
        tls_pair pair;
        auto opening = pair.open();
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        test::random_data data(5);
        for (int round = 0; round < 20; ++round) {
            std::vector<std::string> texts;
            std::string expected;
            for (int i = 0; i < 40; ++i) {
                texts.push_back(data.text(data.next() % 7 == 0 ? data.next() % 60'000 : data.next() % 100));
                expected += texts.back();
            }
            std::vector<std::span<const std::byte>> pieces;
            for (const std::string& text : texts)
                pieces.push_back(test::as_bytes(text));
            scope all;
            std::string received;
            auto reader = [&]() -> task<> {
                auto reading = test::read_exactly(*pair.accepted, expected.size());
                received = co_await reading;
            };
            all.spawn(reader);
            const result<std::size_t> written = co_await pair.client.write(pieces);
            BOOST_TEST_REQUIRE(written.has_value());
            BOOST_TEST(*written == expected.size());
            co_await all.join();
            BOOST_TEST((received == expected));
        }
    });
}

BOOST_AUTO_TEST_CASE(getters_answer_in_every_state,
                     *boost::unit_test::label("ERR-13 GEN-10 SOCK-11 SOCK-17 SOCK-26 SOCK-31 SOCK-32 SOCK-38"))
{
    test::run([]() -> task<> {
        const auto ask_everything = [](tls::socket& of) {
            of.authorized();
            of.authorization_error();
            of.alpn_protocol();
            of.servername();
            of.get_protocol();
            of.get_cipher();
            of.get_peer_certificate(true);
            of.get_certificate();
            of.is_session_reused();
            of.get_finished();
            of.get_peer_finished();
            of.secure_connecting();
            of.local_address();
            of.remote_address();
            of.error_info();
            of.disable_renegotiation();
            static_cast<void>(of.set_no_delay());
            static_cast<void>(of.set_keep_alive(true));
        };
        tls_pair pair;
        ask_everything(pair.client);
        BOOST_TEST(pair.client.secure_connecting());
        BOOST_TEST(pair.client.get_protocol().value() == "unknown");
        BOOST_TEST(!pair.client.get_cipher().has_value());
        BOOST_TEST(!pair.client.remote_address().has_value());
        BOOST_TEST(!pair.client.get_finished().has_value());
        BOOST_TEST(!pair.client.error_info().error);
        BOOST_CHECK_EXCEPTION(pair.client.export_keying_material(10, "label"), tls::error,
                              [](const tls::error& e) { return e.code() == "ERR_TLS_INVALID_STATE"; });

        auto opening = pair.open();
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        ask_everything(pair.client);
        BOOST_TEST(!pair.client.secure_connecting());
        BOOST_TEST(pair.client.authorized());
        BOOST_TEST(!pair.client.authorization_error().has_value());
        BOOST_TEST(pair.client.get_cipher()->version == "TLSv1.3");
        BOOST_TEST(pair.client.get_peer_certificate()->subject->get("CN").value() == "localhost");
        BOOST_TEST(pair.client.remote_address()->port() == pair.port);
        BOOST_TEST(pair.client.local_address()->port() == pair.accepted->remote_address()->port());
        BOOST_TEST((pair.client.get_finished() == pair.accepted->get_peer_finished()));
        BOOST_TEST(
            (pair.client.export_keying_material(32, "label") == pair.accepted->export_keying_material(32, "label")));

        tls::socket moved = std::move(pair.client);
        ask_everything(pair.client);  // NOLINT: a socket without a connection
        BOOST_TEST(!pair.client.get_protocol().has_value());
        BOOST_CHECK_EXCEPTION(pair.client.export_keying_material(10, "label"), tls::error,
                              [](const tls::error& e) { return e.code() == "ERR_TLS_INVALID_STATE"; });
        std::array<std::byte, 4> buffer;
        const result<std::size_t> read = co_await pair.client.read(buffer);
        BOOST_TEST(name_of(read) == "ERR_STREAM_DESTROYED");
        const result<std::size_t> written = co_await pair.client.write("x");
        BOOST_TEST(name_of(written) == "ERR_STREAM_DESTROYED");
        const result<> ended = co_await pair.client.end();
        BOOST_TEST(name_of(ended) == "ERR_STREAM_DESTROYED");
        pair.client.destroy();
        pair.client.reset_and_destroy();

        moved.destroy();
        ask_everything(moved);
        BOOST_TEST(!moved.get_protocol().has_value());
        BOOST_TEST(!moved.local_address().has_value());
    });
}

BOOST_AUTO_TEST_CASE(writes_before_the_handshake_wait_for_it_and_keep_their_order,
                     *boost::unit_test::label("GEN-09 B-086"))
{
    test::run([]() -> task<> {
        tls_pair pair;
        scope all;
        auto writer = [&]() -> task<> {
            for (int i = 0; i < 50; ++i) {
                const std::string text = std::to_string(i) + ";";
                const result<std::size_t> written = co_await pair.client.write(text);
                BOOST_TEST(name_of(written) == "");
            }
            const result<> ended = co_await pair.client.end();
            BOOST_TEST(name_of(ended) == "");
        };
        auto connecting = [&]() -> task<> {
            auto handshake = pair.client.secure_connect();
            const result<> connected = co_await handshake;
            BOOST_TEST(name_of(connected) == "");
        };
        all.spawn(connecting);
        all.spawn(writer);
        auto accepting = test::eventually([&] { return pair.accepted.has_value(); });
        const bool accepted = co_await accepting;
        BOOST_TEST_REQUIRE(accepted);
        std::error_code why;
        auto reading = test::read_all(*pair.accepted, why);
        const std::string text = co_await reading;
        std::string expected;
        for (int i = 0; i < 50; ++i)
            expected += std::to_string(i) + ";";
        BOOST_TEST(text == expected);
        BOOST_TEST((why == errc::end_of_stream));
        co_await all.join();
    });
}

BOOST_AUTO_TEST_SUITE_END()
