// What can go wrong with a connection, and what is left behind when it does.

#include <coil/tls/tls.hpp>

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

#include <malloc.h>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;
using test::tls_pair;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool counts_heap = false;
#else
constexpr bool counts_heap = true;
#endif

const test::credentials& all()
{
    return test::shared_credentials();
}

/// A server that counts how its connections went.
struct counting_server {
    explicit counting_server(tls::server_options options = {})
        : server(tls::create_server(test::serving(all().server, std::move(options)),
                                    [this](tls::socket socket) {
                                        ++secure;
                                        return test::echo(std::move(socket));
                                    })),
          port(test::listen_anywhere(server))
    {
        server.on_tls_client_error([this](const tls::error_info& what, const tls::socket& socket) {
            failures.push_back(what.code);
            protocol_known = socket.get_protocol().has_value();
        });
    }
    counting_server(const counting_server&) = delete;

    /// Waits until it has reported `count` failures and has no connection any more.
    task<bool> failed(std::size_t count)
    {
        return test::eventually([this, count] { return failures.size() >= count && server.connections() == 0; });
    }

    int secure = 0;
    std::vector<std::string> failures;
    bool protocol_known = false;
    tls::server server;
    std::uint16_t port;
};

task<bool> connect_plain(net::socket& plain)
{
    auto connecting = plain.connect();
    const result<> connected = co_await connecting;
    co_return connected.has_value();
}

/// Whether a new client is served.
task<bool> serves(std::uint16_t port)
{
    tls::socket client = tls::connect(test::client_of(port));
    auto connecting = client.secure_connect();
    const result<> connected = co_await connecting;
    if (!connected)
        co_return false;
    auto talking = test::echoes(client, "alive");
    const bool echoed = co_await talking;
    auto ending = client.shutdown(5s);
    const result<> ended = co_await ending;
    co_return echoed&& ended;
}

/// The first flight of a client.
std::string client_hello()
{
    tls::engine engine(tls::create_secure_context({.ca = all().root.certificate()}), tls::role::client);
    engine.handshake();
    return test::take_output(engine);
}

/// How a peer treats the server.
enum class manner {
    garbage,
    plain_http,
    many_stars,
    nothing,
    half_a_hello,
    hello_and_end,
    hello_and_reset,
    end,
    reset,
    byte_and_reset
};

std::string sent_in(manner how)
{
    switch (how) {
    case manner::garbage: return "blah\nblah\nblah\n";
    case manner::plain_http: return "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    case manner::many_stars: return std::string(1024 * 1024, '*');
    case manner::half_a_hello: return client_hello().substr(0, 100);
    case manner::hello_and_end:
    case manner::hello_and_reset: return client_hello();
    case manner::byte_and_reset: return "\x16";
    case manner::nothing:
    case manner::end:
    case manner::reset: return "";
    }
    return "";
}

/// One connection of a peer without manners; ends when the server has closed it.
task<> misbehave(std::uint16_t port, manner how)
{
    net::socket plain = net::connect({.host = "127.0.0.1", .port = port});
    auto connecting = connect_plain(plain);
    const bool connected = co_await connecting;
    BOOST_TEST(connected);
    const std::string text = sent_in(how);
    if (!text.empty()) {
        const result<std::size_t> written = co_await plain.write(test::as_bytes(text));
        static_cast<void>(written);  // the server may have closed already
    }
    if (how == manner::hello_and_end || how == manner::end) {
        const result<> ended = co_await plain.end();
        BOOST_TEST(ended.has_value());
    }
    if (how == manner::hello_and_reset || how == manner::byte_and_reset) {
        const result<> sent = co_await plain.drained();
        BOOST_TEST(sent.has_value());
    }
    if (how == manner::reset || how == manner::hello_and_reset || how == manner::byte_and_reset) {
        plain.reset_and_destroy();
        co_return;
    }
    std::error_code why;
    auto reading = test::read_all(plain, why);
    const std::string answer = co_await reading;
    static_cast<void>(answer);
    BOOST_TEST((why == errc::end_of_stream || why == errc::reset), why.message());
}

struct bad_manner {
    const char* what;
    manner how;
    const char* code;
};

constexpr bad_manner bad_manners[] = {
    {"garbage", manner::garbage, "ERR_SSL_WRONG_VERSION_NUMBER"},  // B-100
    {"plain HTTP", manner::plain_http, "ERR_SSL_HTTP_REQUEST"},
    {"a mebibyte of stars", manner::many_stars, "ERR_SSL_WRONG_VERSION_NUMBER"},  // B-101
    {"silence", manner::nothing, "ERR_TLS_HANDSHAKE_TIMEOUT"},                    // B-102
    {"half a ClientHello", manner::half_a_hello, "ERR_TLS_HANDSHAKE_TIMEOUT"},
    {"an end after the ClientHello", manner::hello_and_end, "ECONNRESET"},  // B-078
    {"a reset after the ClientHello", manner::hello_and_reset, "ECONNRESET"},
    {"an end at once", manner::end, "ECONNRESET"},
    {"a reset at once", manner::reset, "ECONNRESET"},
    {"a byte and a reset", manner::byte_and_reset, "ECONNRESET"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_test)

BOOST_AUTO_TEST_CASE(peers_without_manners_are_reported_once_and_leave_nothing_behind,
                     *boost::unit_test::label("ERR-09 ERR-31 EVT-08 OPT-06 SRV-16 B-078 B-100 to B-102"))
{
    for (const bad_manner& one : bad_manners) {
        BOOST_TEST_CONTEXT(one.what)
        {
            test::run([&one]() -> task<> {
                const test::process_counts before = test::process_counts::now();
                {
                    counting_server server({.handshake_timeout = 200ms});
                    for (std::size_t i = 1; i <= 3; ++i) {
                        auto peer = misbehave(server.port, one.how);
                        co_await peer;
                        auto failing = server.failed(i);
                        const bool failed = co_await failing;
                        BOOST_TEST_REQUIRE(failed);
                    }
                    const result<> some_time = co_await sleep_for(20ms);
                    BOOST_TEST(some_time.has_value());
                    BOOST_TEST(server.failures.size() == 3u);
                    for (const std::string& code : server.failures)
                        BOOST_TEST(code == one.code);
                    BOOST_TEST(server.secure == 0);
                    BOOST_TEST(!server.protocol_known);
                    auto serving = serves(server.port);
                    const bool alive = co_await serving;
                    BOOST_TEST(alive);
                }
                auto back = test::counts_return_to(before);
                co_await back;
            });
        }
    }
}

BOOST_AUTO_TEST_CASE(hundreds_of_failing_connections_give_everything_back)
{
    test::run(
        []() -> task<> {
            counting_server server({.handshake_timeout = 150ms});
            std::size_t expected = 0;
            auto round = [&]() -> task<> {
                scope peers;
                for (int i = 0; i < 10; ++i) {
                    for (const bad_manner& one : bad_manners) {
                        peers.spawn(misbehave(server.port, one.how));
                        ++expected;
                    }
                }
                co_await peers.join();
                auto failing = server.failed(expected);
                const bool failed = co_await failing;
                BOOST_TEST(failed);
                BOOST_TEST(server.failures.size() == expected);
            };
            std::size_t heap_before = 0;
            const test::process_counts before = test::process_counts::now();
            for (int i = 0; i < 14; ++i) {
                server.failures.clear();
                server.failures.shrink_to_fit();
                expected = 0;
                auto failing = round();
                co_await failing;
                auto back = test::counts_return_to(before);
                co_await back;
                if (i == 8)  // by then the pools are as large as they get
                    heap_before = mallinfo2().uordblks;
            }
            if (counts_heap)  // less than 100 bytes for each of five hundred connections
                BOOST_TEST(mallinfo2().uordblks < heap_before + 48 * 1024);
            BOOST_TEST(server.secure == 0);
            auto serving = serves(server.port);
            const bool alive = co_await serving;
            BOOST_TEST(alive);
        },
        60s);
}

BOOST_AUTO_TEST_CASE(a_reset_in_every_phase_of_the_connection_ends_it)
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        for (const tls::protocol_version version : {tls::protocol_version::tlsv1_2, tls::protocol_version::tlsv1_3}) {
            for (int bytes_before = 0; bytes_before < 8; ++bytes_before) {
                counting_server server;
                net::socket plain = net::connect({.host = "127.0.0.1", .port = server.port});
                auto connecting = connect_plain(plain);
                const bool connected = co_await connecting;
                BOOST_TEST(connected);
                tls::secure_context_options context = test::only(version);
                context.ca = all().root.certificate();
                test::engine_peer peer{std::move(plain),
                                       tls::engine(tls::create_secure_context(context), tls::role::client)};
                // A few flights at most, and then the reset.
                for (int flight = 0; flight < bytes_before; ++flight) {
                    const tls::status step = peer.engine.handshake();
                    if (step == tls::status::done)
                        peer.engine.write(test::as_bytes("some data"));
                    auto flushing = peer.flush();
                    const bool flushed = co_await flushing;
                    BOOST_TEST(flushed);
                    auto receiving = peer.receive();
                    const bool received = co_await receiving;
                    BOOST_TEST(received);
                }
                peer.wire.reset_and_destroy();
                auto waiting = test::eventually([&] {
                    return server.server.connections() == 0 &&
                           server.failures.size() + static_cast<std::size_t>(server.secure) == 1;
                });
                const bool ended = co_await waiting;
                BOOST_TEST(ended);
                if (!server.failures.empty())
                    BOOST_TEST(server.failures.front() == "ECONNRESET");
            }
        }
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_CASE(a_handler_of_client_errors_that_throws_is_an_uncaught_exception)
{
    test::run([]() -> task<> {
        counting_server server;
        int uncaught = 0;
        server.server.on_uncaught([&](std::exception_ptr) { ++uncaught; });
        server.server.on_tls_client_error(
            [](const tls::error_info&, const tls::socket&) { throw std::runtime_error("x"); });
        auto peer = misbehave(server.port, manner::garbage);
        co_await peer;
        auto waiting = test::eventually([&] { return uncaught == 1; });
        const bool told = co_await waiting;
        BOOST_TEST(told);
        auto serving = serves(server.port);
        const bool alive = co_await serving;
        BOOST_TEST(alive);
    });
}

BOOST_AUTO_TEST_CASE(an_error_tells_all_that_is_known, *boost::unit_test::label("ERR-01 GEN-07 B-016 B-079"))
{
    test::run([]() -> task<> {
        std::optional<tls::error_info> at_server;
        tls::server server =
            tls::create_server(test::serving(all().server, {}, test::only(tls::protocol_version::tlsv1_3)), test::echo);
        server.on_tls_client_error([&](const tls::error_info& what, const tls::socket&) { at_server = what; });
        const std::uint16_t port = test::listen_anywhere(server);
        tls::connect_options options = test::client_of(port, {}, {.max_version = tls::protocol_version::tlsv1_2});
        tls::socket client = tls::connect(std::move(options));
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        const tls::error_info at_client = client.error_info();
        BOOST_TEST(at_client.error == connected.error());
        BOOST_TEST(at_client.code == "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
        BOOST_TEST(at_client.library == "SSL routines");
        BOOST_TEST(at_client.reason == "tlsv1 alert protocol version");
        BOOST_TEST(!at_client.openssl_error_stack.empty());
        BOOST_TEST(at_client.alert.value_or(0) == 70);
        BOOST_TEST((at_client.alert_direction == tls::alert_direction::received));
        BOOST_TEST((at_client.phase == tls::phase::handshake));
        auto waiting = test::eventually([&] { return at_server.has_value(); });
        const bool told = co_await waiting;
        BOOST_TEST_REQUIRE(told);
        BOOST_TEST(at_server->code == "ERR_SSL_UNSUPPORTED_PROTOCOL");
        BOOST_TEST(at_server->alert.value_or(0) == 70);
        BOOST_TEST((at_server->alert_direction == tls::alert_direction::sent));
        const result<std::size_t> late = co_await client.write("late");
        BOOST_TEST((late.error() == connected.error()));
    });
}

BOOST_AUTO_TEST_CASE(a_slow_reader_holds_the_writer_back_and_memory_stays_bounded,
                     *boost::unit_test::label("NET-02 NET-28 B-088 B-089"))
{
    test::run([]() -> task<> {
        tls_pair pair;
        auto opening = pair.open();
        const bool open = co_await opening;
        BOOST_TEST_REQUIRE(open);
        constexpr std::size_t size = 24 * 1024 * 1024;
        const std::string text = test::random_data(11).text(size);
        bool written_all = false;
        scope all_tasks;
        auto writer = [&]() -> task<> {
            const result<std::size_t> written = co_await pair.accepted->write(text);
            BOOST_TEST(name_of(written) == "");
            written_all = true;
            const result<> ended = co_await pair.accepted->end();
            BOOST_TEST(name_of(ended) == "");
        };
        all_tasks.spawn(writer);
        const result<> a_while = co_await sleep_for(300ms);
        BOOST_TEST(a_while.has_value());
        BOOST_TEST(!written_all);
        std::size_t most_chunks = 0;
        test::digest read;
        std::size_t total = 0;
        std::vector<std::byte> buffer(8 * 1024);
        while (true) {
            const result<std::size_t> count = co_await pair.client.read(buffer);
            if (!count) {
                BOOST_TEST((count.error() == errc::end_of_stream), name_of(count));
                break;
            }
            read.add(std::span<const std::byte>(buffer).first(*count));
            total += *count;
            most_chunks = std::max(most_chunks, coil::internal::chunks_in_use());
            if (total % 256 == 0) {
                const result<> pause = co_await sleep_for(100us);
                BOOST_TEST(pause.has_value());
            }
        }
        co_await all_tasks.join();
        BOOST_TEST(total == size);
        BOOST_TEST(read.hex() == test::digest_of(text));
        BOOST_TEST(most_chunks <= 40u);  // a large one holds 64 KiB
    });
}

BOOST_AUTO_TEST_CASE(records_that_are_written_in_one_turn_lie_together)
{
    for (const tls::protocol_version version : {tls::protocol_version::tlsv1_2, tls::protocol_version::tlsv1_3}) {
        test::run([version]() -> task<> {
            constexpr std::size_t piece = 16 * 1024;
            constexpr std::size_t pieces = 4;
            tls_pair pair(version);
            auto opening = pair.open();
            const bool open = co_await opening;
            BOOST_TEST_REQUIRE(open);
            const std::size_t before = coil::internal::large_chunks_in_use();
            const std::vector<std::byte> bytes(piece, std::byte{'a'});
            for (std::size_t i = 0; i < pieces; ++i) {
                const result<std::size_t> written = co_await pair.client.write(bytes);
                BOOST_TEST(written.value() == piece);
            }
            BOOST_TEST(coil::internal::large_chunks_in_use() - before == 1U);
            auto reading = test::read_exactly(*pair.accepted, pieces * piece);
            const std::string read = co_await reading;
            BOOST_TEST((read == std::string(pieces * piece, 'a')));
        });
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_never_reads_stops_the_echo_and_can_be_dropped)
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        {
            counting_server server;
            tls::socket client = tls::connect(test::client_of(server.port));
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST_REQUIRE(connected.has_value());
            const std::string text(1024 * 1024, 'x');
            std::size_t accepted = 0;
            while (true) {  // until both directions are full
                auto writing = with_timeout(300ms, client.write(text));
                const result<std::size_t> written = co_await writing;
                if (!written)
                    break;
                accepted += *written;
                BOOST_TEST_REQUIRE(accepted < 64u * 1024 * 1024);
                if (*written < text.size())
                    break;
            }
            BOOST_TEST(coil::internal::chunks_in_use() < 60u);
            auto serving = serves(server.port);
            const bool alive = co_await serving;
            BOOST_TEST(alive);
            client.reset_and_destroy();
            auto waiting = test::eventually([&] { return server.server.connections() == 0; });
            const bool left = co_await waiting;
            BOOST_TEST(left);
        }
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_SUITE_END()
