// What OpenSSL's client may do and coil's never does: update keys, renegotiate.

#include <coil/tls/tls.hpp>

#include <coil/runtime/internal/chunk.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/internal/openssl.hpp>

#include "tests/support/engine_pair.hpp"
#include "tests/support/openssl_client.hpp"
#include "tests/support/process_counts.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;

namespace {

/// OpenSSL's client on a socket of its own.
class openssl_peer {
public:
    openssl_peer(std::uint16_t port, int version)
        : wire_(net::connect({.host = "127.0.0.1", .port = port})), client_(version)
    {
    }

    task<bool> connect()
    {
        auto connecting = wire_.connect();
        const result<> connected = co_await connecting;
        if (!connected)
            co_return false;
        auto shaking = handshake();
        const bool done = co_await shaking;
        co_return done;
    }

    /// Takes the handshake, the first or another, to its end.
    task<bool> handshake()
    {
        while (SSL_do_handshake(ssl()) != 1) {
            auto moving = exchange();
            const bool moved = co_await moving;
            if (!moved)
                co_return false;
        }
        auto flushing = flush();
        const bool flushed = co_await flushing;
        co_return flushed;
    }

    /// The next plaintext; empty at the end.
    task<std::string> read()
    {
        std::array<char, 4096> buffer;
        while (true) {
            const int count = SSL_read(ssl(), buffer.data(), static_cast<int>(buffer.size()));
            if (count > 0)
                co_return std::string(buffer.data(), static_cast<std::size_t>(count));
            if (SSL_get_error(ssl(), count) != SSL_ERROR_WANT_READ)
                co_return "";
            auto moving = exchange();
            const bool moved = co_await moving;
            if (!moved)
                co_return "";
        }
    }

    task<bool> write(std::string_view text)
    {
        if (SSL_write(ssl(), text.data(), static_cast<int>(text.size())) != static_cast<int>(text.size()))
            co_return false;
        auto flushing = flush();
        const bool flushed = co_await flushing;
        co_return flushed;
    }

    task<bool> flush()
    {
        char* data = nullptr;
        const long size = BIO_get_mem_data(SSL_get_wbio(ssl()), &data);
        const std::string bytes(data, static_cast<std::size_t>(size));
        static_cast<void>(BIO_reset(SSL_get_wbio(ssl())));
        const result<std::size_t> written = co_await wire_.write(test::as_bytes(bytes));
        co_return written.has_value();
    }

    SSL* ssl() { return client_.ssl(); }

private:
    /// Sends what there is to send and waits for bytes.
    task<bool> exchange()
    {
        auto flushing = flush();
        const bool flushed = co_await flushing;
        if (!flushed)
            co_return false;
        std::array<std::byte, 4096> bytes;
        const result<std::size_t> count = co_await wire_.read(bytes);
        if (!count)
            co_return false;
        BIO_write(SSL_get_rbio(ssl()), bytes.data(), static_cast<int>(*count));
        co_return true;
    }

    net::socket wire_;
    test::openssl_client client_;
};

/// A server that hands out its only connection.
struct one_connection {
    const std::chrono::milliseconds limit;
    tls::server server = tls::create_server(
        test::serving(test::shared_credentials().server, {.allow_half_open = true, .handshake_timeout = limit}),
        [this](tls::socket socket) -> task<> {
            accepted.emplace(std::move(socket));
            co_return;
        });
    std::uint16_t port = test::listen_anywhere(server);
    std::optional<tls::socket> accepted = std::nullopt;

    explicit one_connection(std::chrono::milliseconds handshake_timeout = 120s) : limit(handshake_timeout) {}
    one_connection(const one_connection&) = delete;

    task<bool> open(openssl_peer& peer)
    {
        auto connecting = peer.connect();
        const bool connected = co_await connecting;
        auto accepting = test::eventually([this] { return accepted.has_value(); });
        const bool there = co_await accepting;
        co_return connected&& there;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(socket_peer_test)

BOOST_AUTO_TEST_CASE(keys_can_be_updated_before_and_after_the_end_of_this_side)
{
    test::run([]() -> task<> {
        one_connection server;
        openssl_peer peer(server.port, TLS1_3_VERSION);
        auto opening = server.open(peer);
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        for (const bool ended : {false, true}) {
            if (ended) {
                const result<> ending = co_await server.accepted->end();
                BOOST_TEST(name_of(ending) == "");
                auto rest = peer.read();
                const std::string nothing = co_await rest;
                BOOST_TEST(nothing == "");
            }
            for (int i = 0; i < 3; ++i) {
                SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_REQUESTED);
                auto writing = peer.write("new keys");
                const bool written = co_await writing;
                BOOST_TEST(written);
                auto reading = test::read_exactly(*server.accepted, 8);
                const std::string text = co_await reading;
                BOOST_TEST(text == "new keys");
                if (ended)
                    continue;
                const result<std::size_t> answered = co_await server.accepted->write("mine too");
                BOOST_TEST(name_of(answered) == "");
                auto hearing = peer.read();
                const std::string answer = co_await hearing;
                BOOST_TEST(answer == "mine too");
            }
        }
        const result<> turns = co_await sleep_for(10ms);
        BOOST_TEST(turns.has_value());
    });
}

BOOST_AUTO_TEST_CASE(a_flood_of_new_keys_ends_its_connection_and_no_other, *boost::unit_test::label("F-20"))
{
    test::run([]() -> task<> {
        std::vector<std::string> ends;
        tls::server server =
            tls::create_server(test::serving(test::shared_credentials().server), [&ends](tls::socket socket) -> task<> {
                std::array<std::byte, 100> buffer;
                while (true) {
                    const result<std::size_t> count = co_await socket.read(buffer);
                    if (!count) {
                        ends.push_back(name_of(count));
                        co_return;
                    }
                    const result<std::size_t> written = co_await socket.write(std::span(buffer).first(*count));
                    BOOST_TEST(name_of(written) == "");
                }
            });
        const std::uint16_t port = test::listen_anywhere(server);
        tls::socket other = tls::connect(test::client_of(port));
        auto opening = other.secure_connect();
        const result<> opened = co_await opening;
        BOOST_TEST_REQUIRE(name_of(opened) == "");
        auto greeting = test::echoes(other, "before");
        const bool greeted = co_await greeting;
        BOOST_TEST(greeted);
        openssl_peer peer(port, TLS1_3_VERSION);
        auto connecting = peer.connect();
        const bool connected = co_await connecting;
        BOOST_TEST_REQUIRE(connected);
        for (int i = 0; i < 20'000; ++i) {
            SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_REQUESTED);
            SSL_do_handshake(peer.ssl());
        }
        const std::size_t before = coil::internal::chunks_in_use();
        scope flood;
        flood.spawn([](openssl_peer& from) -> task<> {
            auto sending = from.flush();  // fails once the server has enough
            const bool sent = co_await sending;
            static_cast<void>(sent);
        }(peer));
        std::size_t most = 0;
        for (int i = 0; i < 30; ++i) {
            auto echoing = test::echoes(other, "meanwhile");
            const bool echoed = co_await echoing;
            BOOST_TEST(echoed);
            most = std::max(most, coil::internal::chunks_in_use());
        }
        auto ending = test::eventually([&] { return !ends.empty(); });
        const bool ended = co_await ending;
        BOOST_TEST_REQUIRE(ended);
        BOOST_TEST(ends.front() == "ERR_TLS_TOO_MANY_MESSAGES");
        BOOST_TEST(ends.size() == 1u);
        BOOST_TEST(most < before + 30);
        flood.request_stop();
        co_await flood.join();
    });
}

BOOST_AUTO_TEST_CASE(a_write_in_the_middle_of_a_renegotiation_waits_for_its_end, *boost::unit_test::label("RNG-14"))
{
    for (const bool somebody_reads : {true, false}) {
        test::run([somebody_reads]() -> task<> {
            one_connection server;
            openssl_peer peer(server.port, TLS1_2_VERSION);
            auto opening = server.open(peer);
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);

            BOOST_TEST(SSL_renegotiate(peer.ssl()) == 1);
            SSL_do_handshake(peer.ssl());
            auto flushing = peer.flush();
            const bool sent = co_await flushing;
            BOOST_TEST(sent);
            std::string heard;
            scope all;
            auto reader = [&]() -> task<> {
                std::array<std::byte, 100> buffer;
                // Sees the ClientHello, and then either stays or gives up.
                auto reading = with_timeout(somebody_reads ? 5000ms : 30ms, server.accepted->read(buffer));
                const result<std::size_t> count = co_await reading;
                heard = name_of(count);
                if (count)
                    heard = std::string(reinterpret_cast<const char*>(buffer.data()), *count);
            };
            all.spawn(reader);
            const result<> a_while = co_await sleep_for(60ms);
            BOOST_TEST(a_while.has_value());
            bool written = false;
            auto writer = [&]() -> task<> {
                const result<std::size_t> count = co_await server.accepted->write("written during it");
                BOOST_TEST(name_of(count) == "");
                written = true;
                const result<> ended = co_await server.accepted->end();
                BOOST_TEST(name_of(ended) == "");
            };
            all.spawn(writer);
            const result<> a_while_more = co_await sleep_for(20ms);
            BOOST_TEST(a_while_more.has_value());
            BOOST_TEST(!written);
            auto shaking = peer.handshake();
            const bool done = co_await shaking;
            BOOST_TEST(done);
            auto reading = peer.read();
            const std::string text = co_await reading;
            BOOST_TEST(text == "written during it");
            if (somebody_reads) {
                auto writing = peer.write("heard");
                const bool said = co_await writing;
                BOOST_TEST(said);
            }
            co_await all.join();
            BOOST_TEST(heard == (somebody_reads ? "heard" : "ETIMEDOUT"));
            BOOST_TEST(written);
        });
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_stops_in_a_renegotiation_keeps_nobody_waiting, *boost::unit_test::label("F-27"))
{
    test::run([]() -> task<> {
        one_connection server(1s);
        openssl_peer peer(server.port, TLS1_2_VERSION);
        auto opening = server.open(peer);
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        BOOST_TEST(SSL_renegotiate(peer.ssl()) == 1);
        SSL_do_handshake(peer.ssl());
        auto flushing = peer.flush();
        const bool sent = co_await flushing;
        BOOST_TEST(sent);
        scope all;
        std::string read_code, write_code, end_code;
        auto reader = [&]() -> task<> {
            std::array<std::byte, 100> buffer;
            const result<std::size_t> count = co_await server.accepted->read(buffer);
            read_code = name_of(count);
        };
        all.spawn(reader);
        auto begun = sleep_for(100ms);  // it sees the ClientHello
        static_cast<void>(co_await begun);
        auto writer = [&]() -> task<> {
            const result<std::size_t> count = co_await server.accepted->write("waits");
            write_code = name_of(count);
        };
        auto ender = [&]() -> task<> {
            const result<> ended = co_await server.accepted->end();
            end_code = name_of(ended);
        };
        all.spawn(writer);
        all.spawn(ender);
        co_await all.join();
        BOOST_TEST(read_code == "ERR_TLS_HANDSHAKE_TIMEOUT");
        BOOST_TEST(write_code == "ERR_TLS_HANDSHAKE_TIMEOUT");
        BOOST_TEST(end_code == "ERR_TLS_HANDSHAKE_TIMEOUT");
    });
}

BOOST_AUTO_TEST_CASE(an_end_in_the_middle_of_a_renegotiation_comes_after_it, *boost::unit_test::label("RNG-14"))
{
    test::run([]() -> task<> {
        one_connection server;
        openssl_peer peer(server.port, TLS1_2_VERSION);
        auto opening = server.open(peer);
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        BOOST_TEST(SSL_renegotiate(peer.ssl()) == 1);
        SSL_do_handshake(peer.ssl());
        auto flushing = peer.flush();
        const bool sent = co_await flushing;
        BOOST_TEST(sent);
        std::array<std::byte, 100> buffer;
        auto reading = with_timeout(30ms, server.accepted->read(buffer));  // sees the ClientHello
        const result<std::size_t> none = co_await reading;
        BOOST_TEST(name_of(none) == "ETIMEDOUT");
        std::string end_code = "none";
        scope all;
        auto reader = [&]() -> task<> {
            const result<std::size_t> count = co_await server.accepted->read(buffer);
            BOOST_TEST(name_of(count) == name_of(result<>(errc::end_of_stream)));
        };
        all.spawn(reader);
        auto ender = [&]() -> task<> {
            auto ending = with_timeout(5s, server.accepted->end());
            const result<> ended = co_await ending;
            end_code = name_of(ended);
        };
        all.spawn(ender);
        auto shaking = peer.handshake();
        const bool done = co_await shaking;
        BOOST_TEST(done);
        auto rest = peer.read();
        const std::string nothing = co_await rest;
        BOOST_TEST(nothing == "");
        BOOST_TEST((SSL_get_shutdown(peer.ssl()) & SSL_RECEIVED_SHUTDOWN) != 0);
        SSL_shutdown(peer.ssl());
        auto leaving = peer.flush();
        const bool left = co_await leaving;
        BOOST_TEST(left);
        co_await all.join();
        BOOST_TEST(end_code == "");
    });
}

BOOST_AUTO_TEST_CASE(a_connection_whose_peer_has_ended_is_closed_without_waiting_for_it)
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        test::run([version]() -> task<> {
            one_connection home;
            openssl_peer peer(home.port, version);
            auto opening = home.open(peer);
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            SSL_shutdown(peer.ssl());
            auto flushing = peer.flush();
            const bool flushed = co_await flushing;
            BOOST_TEST_REQUIRE(flushed);
            std::array<std::byte, 16> buffer;
            const result<std::size_t> read = co_await home.accepted->read(buffer);
            BOOST_TEST(read.error() == make_error_code(errc::end_of_stream));

            const std::string answer(100'000, 'a');  // what was written before still arrives
            const result<std::size_t> written = co_await home.accepted->write(answer);
            BOOST_TEST(written.value() == answer.size());
            const std::size_t descriptors = test::process_counts::now().descriptors;
            auto ending = with_timeout(0ns, home.accepted->end());
            static_cast<void>(co_await ending);
            home.accepted.reset();
            std::string received;
            for (bool more = true; more;) {
                auto reading = peer.read();
                const std::string text = co_await reading;
                received += text;
                more = !text.empty();
            }
            BOOST_TEST((received == answer));
            BOOST_TEST((SSL_get_shutdown(peer.ssl()) & SSL_RECEIVED_SHUTDOWN) != 0);
            // The peer's end of the connection is still open; without its close_notify the server would wait for it.
            const auto start = std::chrono::steady_clock::now();
            auto closing = test::eventually([&] { return test::process_counts::now().descriptors < descriptors; });
            const bool closed = co_await closing;
            BOOST_TEST(closed);
            BOOST_TEST((std::chrono::steady_clock::now() - start < 1s));
        });
    }
}

BOOST_AUTO_TEST_SUITE_END()
