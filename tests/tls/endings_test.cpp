// How TLS connections end: who sees an orderly end and who a reset, and what is bounded by a deadline.

#include <coil/tls/tls.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

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

}  // namespace

BOOST_AUTO_TEST_SUITE(endings_test)

BOOST_AUTO_TEST_CASE(the_end_of_one_side_leaves_the_other_open_where_that_is_allowed,
                     *boost::unit_test::label("CONN-11 GEN-11 NET-01 NET-29 B-070 to B-072"))
{
    for (const protocol_version version : both_versions) {
        test::run([version]() -> task<> {
            tls_pair pair({.allow_half_open = true}, {.allow_half_open = true}, test::only(version));
            auto opening = pair.open();
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            const std::string much = test::random_data(3).text(2 * 1024 * 1024);

            scope all;
            auto server_side = [&]() -> task<> {
                std::error_code why;
                auto reading = test::read_all(*pair.accepted, why);
                const std::string request = co_await reading;
                BOOST_TEST(request == "request");
                BOOST_TEST((why == errc::end_of_stream));
                const result<std::size_t> written = co_await pair.accepted->write(much);
                BOOST_TEST(name_of(written) == "");
                const result<> ended = co_await pair.accepted->end();
                BOOST_TEST(name_of(ended) == "");
            };
            all.spawn(server_side);
            const result<std::size_t> written = co_await pair.client.write("request");
            BOOST_TEST(written.has_value());
            const result<> ended = co_await pair.client.end();
            BOOST_TEST(name_of(ended) == "");
            const result<> again = co_await pair.client.end();
            BOOST_TEST(name_of(again) == "");
            const result<std::size_t> late = co_await pair.client.write("too late");
            BOOST_TEST(name_of(late) == "ERR_STREAM_WRITE_AFTER_END");

            std::error_code why;
            auto reading = test::read_all(pair.client, why);
            const std::string answer = co_await reading;
            BOOST_TEST((why == errc::end_of_stream));
            BOOST_TEST((answer == much));
            co_await all.join();
        });
    }
}

BOOST_AUTO_TEST_CASE(reading_the_peers_end_ends_this_side_too, *boost::unit_test::label("CONN-11 NET-01 B-071"))
{
    for (const protocol_version version : both_versions) {
        test::run([version]() -> task<> {
            tls_pair pair(version);
            auto opening = pair.open();
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            const result<std::size_t> before = co_await pair.accepted->write("written before");
            BOOST_TEST(before.has_value());
            const result<> ended = co_await pair.client.end();
            BOOST_TEST(ended.has_value());
            std::error_code why;
            auto reading = test::read_all(*pair.accepted, why);
            const std::string nothing = co_await reading;
            BOOST_TEST(nothing == "");
            BOOST_TEST((why == errc::end_of_stream), why.message());
            const result<std::size_t> late = co_await pair.accepted->write("late");
            BOOST_TEST(name_of(late) == "ERR_STREAM_WRITE_AFTER_END");
            auto answer = test::read_all(pair.client, why);
            const std::string text = co_await answer;
            BOOST_TEST(text == "written before");
            BOOST_TEST((why == errc::end_of_stream), why.message());
        });
    }
}

BOOST_AUTO_TEST_CASE(a_socket_that_goes_without_an_end_is_cut_off, *boost::unit_test::label("F-01"))
{
    for (const protocol_version version : both_versions) {
        test::run([version]() -> task<> {
            tls_pair pair(version);
            auto opening = pair.open();
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            {
                tls::socket leaving = std::move(*pair.accepted);
                const result<std::size_t> written = co_await leaving.write("half of it");
                BOOST_TEST(written.has_value());
            }
            std::error_code why;
            auto reading = test::read_all(pair.client, why);
            const std::string read = co_await reading;
            BOOST_TEST(read == "half of it");
            BOOST_TEST((why == errc::reset), why.message());
        });
    }
}

BOOST_AUTO_TEST_CASE(writes_and_the_end_queue_in_the_order_in_which_they_came, *boost::unit_test::label("F-11"))
{
    test::run([]() -> task<> {
        tls_pair pair;
        auto opening = pair.open();
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        constexpr std::size_t size = 1'000'000;
        std::string expected;
        scope all;
        for (const char letter : {'a', 'b', 'c'}) {
            expected.append(size, letter);
            auto writer = [&pair, letter]() -> task<> {
                const std::string much(size, letter);
                const result<std::size_t> written = co_await pair.client.write(much);
                BOOST_TEST((written && *written == size));
            };
            all.spawn(writer);
        }
        auto ender = [&pair]() -> task<> {
            const result<> ended = co_await pair.client.end();
            BOOST_TEST(name_of(ended) == "");
        };
        all.spawn(ender);
        const result<> turn = co_await sleep_for(5ms);
        BOOST_TEST(turn.has_value());
        std::error_code why;
        auto reading = test::read_all(*pair.accepted, why);
        const std::string read = co_await reading;
        BOOST_TEST((read == expected));
        BOOST_TEST((why == errc::end_of_stream), why.message());
        co_await all.join();
    });
}

BOOST_AUTO_TEST_CASE(what_was_ended_is_delivered_though_the_socket_is_gone)
{
    for (const protocol_version version : both_versions) {
        test::run([version]() -> task<> {
            tls_pair pair(version);
            auto opening = pair.open();
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            const std::string text = test::random_data(4).text(100'000);
            {
                tls::socket leaving = std::move(*pair.accepted);
                const result<std::size_t> written = co_await leaving.write(text);
                BOOST_TEST(written.has_value());
                auto ending = with_timeout(0ns, leaving.end());
                static_cast<void>(co_await ending);
            }
            const result<std::size_t> unread = co_await pair.client.write("nobody reads this");
            BOOST_TEST(unread.has_value());
            std::error_code why;
            auto reading = test::read_all(pair.client, why);
            const std::string read = co_await reading;
            BOOST_TEST((read == text));
            BOOST_TEST((why == errc::end_of_stream), why.message());
        });
    }
}

BOOST_AUTO_TEST_CASE(a_handshake_over_a_given_socket_is_bounded_too,
                     *boost::unit_test::label("F-64 CONN-08 ERR-09 SOCK-43"))
{
    test::run([]() -> task<> {
        std::optional<net::socket> kept;
        net::server server = net::create_server({}, [&](net::socket socket) -> task<> {
            kept.emplace(std::move(socket));  // and says nothing
            co_return;
        });
        for (const bool by_reading : {false, true}) {
            net::socket plain = net::connect({.host = "127.0.0.1", .port = test::listen_anywhere(server)});
            auto connecting = plain.connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(connected.has_value());
            tls::socket_options options;
            options.handshake_timeout = 50ms;
            options.secure_context = tls::create_secure_context({});
            tls::socket client(std::move(plain), std::move(options));
            std::array<std::byte, 10> buffer;
            result<> outcome;
            if (by_reading) {
                const result<std::size_t> read = co_await client.read(buffer);
                outcome = read.error();
            } else {
                auto shaking = client.secure_connect();
                outcome = co_await shaking;
            }
            BOOST_TEST(name_of(outcome) == "ERR_TLS_HANDSHAKE_TIMEOUT");
            static_cast<void>(server.close());
        }
    });
}

BOOST_AUTO_TEST_CASE(waiting_for_the_peers_end_is_bounded, *boost::unit_test::label("BYD-37"))
{
    test::run([]() -> task<> {
        {
            tls_pair pair;  // a peer that says nothing
            auto opening = pair.open();
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            const auto start = std::chrono::steady_clock::now();
            auto ending = pair.client.shutdown(50ms);
            const result<> ended = co_await ending;
            BOOST_TEST(name_of(ended) == "ETIMEDOUT");
            BOOST_TEST((std::chrono::steady_clock::now() - start < 2s));
        }
        {
            tls_pair pair;  // a peer that ends too, behind data that is dropped
            auto opening = pair.open();
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            scope all;
            auto peer = [&]() -> task<> {
                const result<std::size_t> written = co_await pair.accepted->write("not interesting");
                BOOST_TEST(written.has_value());
                auto ending = pair.accepted->shutdown(5s);
                const result<> ended = co_await ending;
                BOOST_TEST(name_of(ended) == "");
            };
            all.spawn(peer);
            auto ending = pair.client.shutdown(5s);
            const result<> ended = co_await ending;
            BOOST_TEST(name_of(ended) == "");
            co_await all.join();
        }
    });
}

BOOST_AUTO_TEST_CASE(a_socket_that_the_program_destroyed_tells_nothing_but_its_failure,
                     *boost::unit_test::label("F-74 BYD-32 GEN-10"))
{
    const auto is_silent = [](const tls::socket& of) {
        BOOST_TEST(!of.authorized());
        BOOST_TEST(!of.authorization_error().has_value());
        BOOST_TEST(!of.alpn_protocol().has_value());
        BOOST_TEST(!of.servername().has_value());
        BOOST_TEST(!of.get_protocol().has_value());
        BOOST_TEST(!of.get_cipher().has_value());
        BOOST_TEST(!of.get_peer_certificate(true).has_value());
        BOOST_TEST(!of.get_certificate().has_value());
        BOOST_TEST(!of.is_session_reused());
        BOOST_TEST(!of.get_finished().has_value());
        BOOST_TEST(!of.get_peer_finished().has_value());
        BOOST_TEST(!of.secure_connecting());
        BOOST_CHECK_THROW(of.export_keying_material(10, "label"), tls::error);
    };
    test::run([is_silent]() -> task<> {
        tls::server_options options;
        options.alpn_protocols = {"a"};
        tls::server server = tls::create_server(test::serving(test::shared_credentials().server, options), test::echo);
        const std::uint16_t port = test::listen_anywhere(server);
        tls::socket good = tls::connect(test::client_of(port, {.alpn_protocols = {"a"}, .servername = "localhost"}));
        auto connecting = good.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "");
        BOOST_TEST(good.authorized());
        BOOST_TEST(good.get_cipher().has_value());
        good.destroy();
        is_silent(good);
        BOOST_TEST((good.error_info().error == errc::destroyed));

        tls::socket bad = tls::connect(test::client_of(port, {.alpn_protocols = {"a"}, .servername = "elsewhere"}));
        auto refusing = bad.secure_connect();
        const result<> refused = co_await refusing;
        BOOST_TEST(name_of(refused) == "ERR_TLS_CERT_ALTNAME_INVALID");
        // After a failure that the program did not ask for, what is known stays.
        BOOST_TEST(bad.get_peer_certificate().has_value());
        bad.destroy();
        is_silent(bad);
        BOOST_TEST(bad.error_info().code == "ERR_TLS_CERT_ALTNAME_INVALID");
        BOOST_TEST((bad.error_info().peer_certificate != nullptr));
    });
}

BOOST_AUTO_TEST_SUITE_END()
