#include <coil/tls/connect.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include "tests/support/process_counts.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include <unistd.h>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

/// A port of this host on which nobody listens any more.
std::uint16_t silent_port()
{
    net::server server = net::create_server({}, [](net::socket) -> task<> { co_return; });
    return test::listen_anywhere(server);
}

/// A server that notes the names that clients send and every byte that reaches its handlers.
struct watching_server {
    explicit watching_server(const test::identity& who, tls::server_options options = {})
        : server(tls::create_server(test::serving(who, std::move(options)),
                                    [this](tls::socket socket) -> task<> {
                                        ++secure;
                                        names.push_back(std::string(socket.servername().value_or("")));
                                        std::error_code why;
                                        auto reading = test::read_all(socket, why);
                                        const std::string bytes = co_await reading;
                                        received += bytes;
                                    })),
          port(test::listen_anywhere(server))
    {
        server.on_tls_client_error(
            [this](const tls::error_info& what, const tls::socket&) { failures.push_back(what.code); });
    }
    watching_server(const watching_server&) = delete;

    int secure = 0;
    std::vector<std::string> names;
    std::vector<std::string> failures;
    std::string received;
    tls::server server;
    std::uint16_t port;
};

/// What a connection to `server` came to: the code of the failure, or "".
task<std::string> outcome_of(tls::connect_options options)
{
    tls::socket socket = tls::connect(std::move(options));
    auto connecting = socket.secure_connect();
    const result<> connected = co_await connecting;
    BOOST_TEST(socket.error_info().code == name_of(connected));
    if (connected) {
        auto ending = socket.shutdown(5s);
        const result<> ended = co_await ending;
        BOOST_TEST(name_of(ended) == "");
    }
    co_return name_of(connected);
}

struct verification {
    const char* what;
    const test::identity* server;
    bool other_root;
    const char* code;
    const char* client_seen_by_server;  // the alert that the server hears of
};

}  // namespace

BOOST_AUTO_TEST_SUITE(connect_test)

BOOST_AUTO_TEST_CASE(connecting_reports_what_is_in_the_way, *boost::unit_test::label("CONN-05 to CONN-07 EVT-21 B-076"))
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        auto refused = outcome_of(test::client_of(silent_port()));
        const std::string refused_code = co_await refused;
        BOOST_TEST(refused_code == "ECONNREFUSED");
        auto missing = outcome_of(test::client_of(0, {.path = "/tmp/coil-no-such-socket"}));
        const std::string missing_code = co_await missing;
        BOOST_TEST(missing_code == "ENOENT");
        tls::connect_options nowhere = test::client_of(443);
        nowhere.host = "no-such-host.invalid";
        auto unknown = outcome_of(std::move(nowhere));
        const std::string unknown_code = co_await unknown;
        BOOST_TEST((unknown_code == "ENOTFOUND" || unknown_code == "EAI_AGAIN"), unknown_code);
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_CASE(a_failure_to_connect_names_the_address_and_a_failed_handshake_its_reason,
                     *boost::unit_test::label("CONN-06 ERR-32 EVT-21"))
{
    test::run([]() -> task<> {
        const std::uint16_t port = silent_port();
        const tls::connect_options nobody = test::client_of(port);
        tls::socket refused = tls::connect(nobody);
        const detailed_result<> connected = co_await refused.secure_connect();
        const tls::error_info info = refused.error_info();
        BOOST_TEST(info.message == "connect ECONNREFUSED 127.0.0.1:" + std::to_string(port));
        BOOST_TEST(info.message == connected.info().message);
        BOOST_TEST(info.syscall == "connect");
        BOOST_TEST(info.address == "127.0.0.1");
        BOOST_TEST(info.port == port);
        BOOST_TEST((info.phase == tls::phase::handshake));

        watching_server server(all().server);
        tls::connect_options stranger = test::client_of(server.port);
        stranger.servername = "stranger.example";
        tls::socket distrusting = tls::connect(stranger);
        const detailed_result<> secured = co_await distrusting.secure_connect();
        try {
            secured.value();
            BOOST_ERROR("no exception");
        } catch (const network_error& error) {
            BOOST_TEST(error.what() == distrusting.error_info().message);
            BOOST_TEST(error_name(error.code()) == error.info().code);
            BOOST_TEST(error.info().code == "ERR_TLS_CERT_ALTNAME_INVALID");
        }
    });
}

BOOST_AUTO_TEST_CASE(mistakes_are_told_at_once, *boost::unit_test::label("CONN-06 CONN-23 ERR-27 B-001 B-019"))
{
    const auto code_of_made = [](auto make) -> std::string {
        try {
            tls::connect(make());
        } catch (const tls::error& error) {
            return error.code();
        } catch (const std::exception& error) {
            return error.what();
        }
        return "";
    };
    const auto code_of = [&](const tls::connect_options& options) { return code_of_made([&] { return options; }); };
    const auto code_of_context = [&](const tls::secure_context_options& context) {
        return code_of_made([&] { return tls::connect_options{.port = 443, .secure_context = context}; });
    };
    BOOST_TEST(code_of({}) == "ERR_MISSING_ARGS");
    BOOST_TEST(code_of({.port = 443}) == "");
    BOOST_TEST(code_of({.path = "/tmp/somewhere"}) == "");
    BOOST_TEST(code_of_context({.ciphers = "FOOBARBAZ"}) == "ERR_SSL_NO_CIPHER_MATCH");  // B-019
    BOOST_TEST(code_of_context({.cert = "", .key = all().client.key}) == "");
    BOOST_TEST(code_of_context({.cert = all().client.cert, .key = all().server.key}) ==
               "ERR_OSSL_X509_KEY_VALUES_MISMATCH");  // B-001
    BOOST_TEST(code_of({.port = 443, .servername = std::string("a\0b", 3)}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code_of({.local_address = "not an address", .port = 443}) != "");
    BOOST_TEST(code_of({.path = std::string(200, 'x')}) != "");
}

BOOST_AUTO_TEST_CASE(the_name_of_the_host_is_sent_unless_it_is_an_address_or_left_out,
                     *boost::unit_test::label("BYD-03 CONN-15 SNI-14 SOCK-36 B-049"))
{
    test::run([]() -> task<> {
        watching_server server(all().server);
        struct {
            std::string host;
            std::optional<std::string> servername;
            std::string sent;
            std::string code;
        } const cases[] = {
            {"localhost", std::nullopt, "localhost", ""},
            {"127.0.0.1", std::nullopt, "", ""},
            {"127.0.0.1", "localhost", "localhost", ""},
            {"localhost", "", "", ""},
            {"127.0.0.1", "127.0.0.1", "", ""},
            {"127.0.0.1", "elsewhere.example.org", "elsewhere.example.org", "ERR_TLS_CERT_ALTNAME_INVALID"},
        };
        for (const auto& one : cases) {
            BOOST_TEST_CONTEXT(one.host + " with " + one.servername.value_or("no servername"))
            {
                server.names.clear();
                server.failures.clear();
                tls::connect_options options = test::client_of(server.port);
                options.host = one.host;
                options.servername = one.servername;
                auto connecting = outcome_of(std::move(options));
                const std::string code = co_await connecting;
                BOOST_TEST(code == one.code);
                if (one.code.empty()) {
                    auto waiting = test::eventually([&] { return !server.names.empty(); });
                    const bool there = co_await waiting;
                    BOOST_TEST_REQUIRE(there);
                    BOOST_TEST(server.names.front() == one.sent);
                }
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(a_dot_behind_the_host_and_an_address_with_a_zone_are_not_sent_as_the_name,
                     *boost::unit_test::label("F-56 CONN-15 SNI-14"))
{
    test::run([]() -> task<> {
        watching_server server(all().server);
        const std::string path = "/tmp/coil-name-test-" + std::to_string(getpid());
        static_cast<void>(server.server.close());
        server.server.listen({.path = path}).value();
        struct {
            std::string host;
            std::optional<std::string> servername;
            std::string sent;
        } const cases[] = {
            {"localhost.", std::nullopt, "localhost"},
            {"127.0.0.1", "localhost.", "localhost."},  // as given
            {"fe80::1%nosuchzone", std::nullopt, ""},
            {"localhost", "fe80::1%nosuchzone", ""},
            {"localhost", "::1%lo", ""},
        };
        for (const auto& one : cases) {
            BOOST_TEST_CONTEXT(one.host + " with " + one.servername.value_or("no servername"))
            {
                server.names.clear();
                tls::connect_options options = test::client_of(server.port);
                options.host = one.host;
                options.path = path;
                options.reject_unauthorized = false;
                options.servername = one.servername;
                auto connecting = outcome_of(std::move(options));
                const std::string code = co_await connecting;
                BOOST_TEST(code == "");
                auto waiting = test::eventually([&] { return !server.names.empty(); });
                const bool there = co_await waiting;
                BOOST_TEST_REQUIRE(there);
                BOOST_TEST(server.names.front() == one.sent);
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(a_server_that_cannot_be_verified_gets_no_byte,
                     *boost::unit_test::label("CONN-12 ERR-07 B-028 B-030"))
{
    const verification cases[] = {
        // B-028, B-030
        {"unknown root", &all().server, true, "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"},
        {"self-signed", &all().self_signed_server, false, "DEPTH_ZERO_SELF_SIGNED_CERT",
         "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"},
        {"expired", &all().expired, false, "CERT_HAS_EXPIRED", "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED"},
        {"not yet valid", &all().not_yet_valid, false, "CERT_NOT_YET_VALID", "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE"},
        {"another host", &all().wrong_name, false, "ERR_TLS_CERT_ALTNAME_INVALID", nullptr},
    };
    for (const tls::protocol_version version : {tls::protocol_version::tlsv1_2, tls::protocol_version::tlsv1_3}) {
        for (const verification& one : cases) {
            BOOST_TEST_CONTEXT(one.what << " over " << tls::to_string(version))
            {
                test::run([&one, version]() -> task<> {
                    watching_server server(*one.server);
                    tls::secure_context_options context = test::only(version);
                    context.ca = one.other_root ? all().other_root.certificate() : all().root.certificate();
                    tls::socket client = tls::connect(test::client_of(server.port, {}, context));
                    scope writers;
                    std::string written_code;
                    auto writer = [&]() -> task<> {  // waits for the handshake
                        const result<std::size_t> written = co_await client.write("a secret");
                        written_code = name_of(written);
                    };
                    auto connecting = client.secure_connect();
                    auto handshake = [&]() -> task<> {
                        const result<> connected = co_await connecting;
                        BOOST_TEST(name_of(connected) == one.code);
                    };
                    writers.spawn(handshake);
                    writers.spawn(writer);
                    co_await writers.join();
                    BOOST_TEST(written_code == one.code);
                    BOOST_TEST(!client.authorized());
                    BOOST_TEST(client.error_info().code == one.code);
                    BOOST_TEST((client.error_info().phase == tls::phase::handshake));
                    BOOST_TEST(!client.error_info().message.empty());
                    const result<std::size_t> again = co_await client.write("a secret");
                    BOOST_TEST(name_of(again) == one.code);
                    auto waiting = test::eventually([&] { return server.server.connections() == 0; });
                    const bool left = co_await waiting;
                    BOOST_TEST(left);
                    BOOST_TEST(server.received == "");
                    BOOST_TEST(server.failures.size() + static_cast<std::size_t>(server.secure) == 1u);
                    if (version == tls::protocol_version::tlsv1_2 && one.client_seen_by_server) {
                        BOOST_TEST_REQUIRE(server.failures.size() == 1u);
                        BOOST_TEST(server.failures.front() == one.client_seen_by_server);
                    }
                });
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_client_may_go_on_unverified_and_then_knows_why,
                     *boost::unit_test::label("CONN-12 EVT-16 SOCK-12 SOCK-13 B-029"))
{
    test::run([]() -> task<> {
        for (const bool trusted : {false, true}) {
            watching_server server(trusted ? all().server : all().self_signed_server);
            tls::socket client = tls::connect(test::client_of(server.port, {.reject_unauthorized = false}));
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "");
            BOOST_TEST(client.authorized() == trusted);
            BOOST_TEST(client.authorization_error().value_or("") == (trusted ? "" : "DEPTH_ZERO_SELF_SIGNED_CERT"));
            const result<> ended = co_await client.end();
            BOOST_TEST(ended.has_value());
        }
    });
}

BOOST_AUTO_TEST_CASE(an_identity_check_of_the_callers_own_decides, *boost::unit_test::label("CONN-16"))
{
    test::run([]() -> task<> {
        watching_server server(all().wrong_name);
        std::string asked;
        tls::connect_options options = test::client_of(server.port);
        options.check_server_identity = [&asked](std::string_view host, const tls::certificate& cert) {
            asked = std::string(host) + " " + std::string(cert.subject->get("CN").value());
            return std::optional<tls::identity_error>();
        };
        auto accepted = outcome_of(options);
        const std::string code = co_await accepted;
        BOOST_TEST(code == "");
        BOOST_TEST(asked == "127.0.0.1 elsewhere");
        options.check_server_identity = [](std::string_view,
                                           const tls::certificate&) -> std::optional<tls::identity_error> {
            throw std::runtime_error("the check itself failed");
        };
        tls::socket client = tls::connect(options);
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST((connected.error() == tls::errc::handler_failed), connected.error().message());
        BOOST_REQUIRE(client.error_info().exception);
        BOOST_CHECK_THROW(std::rethrow_exception(client.error_info().exception), std::runtime_error);
    });
}

BOOST_AUTO_TEST_CASE(a_server_that_says_nothing_or_leaves_or_speaks_plainly_is_given_up,
                     *boost::unit_test::label("CONN-26 ERR-09 ERR-31 B-077 B-080"))
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        for (const std::string_view behaviour : {"silence", "end", "reset", "plain text"}) {
            BOOST_TEST_CONTEXT(behaviour)
            {
                std::optional<net::socket> kept;
                net::server server = net::create_server({}, [&](net::socket socket) -> task<> {
                    std::array<std::byte, 2000> hello;
                    const result<std::size_t> count = co_await socket.read(hello);
                    BOOST_TEST(count.has_value());
                    if (behaviour == "reset") {
                        socket.reset_and_destroy();
                    } else if (behaviour == "plain text") {
                        const std::string_view text = "HTTP/1.1 400 Bad Request\r\n\r\n";
                        const result<std::size_t> written = co_await socket.write(std::as_bytes(std::span(text)));
                        BOOST_TEST(written.has_value());
                    } else if (behaviour == "silence") {
                        kept.emplace(std::move(socket));
                    } else {
                        const result<> ended = co_await socket.end();
                        BOOST_TEST(ended.has_value());
                    }
                });
                const std::uint16_t port = test::listen_anywhere(server);
                tls::connect_options options = test::client_of(port);
                options.handshake_timeout = 100ms;
                auto connecting = outcome_of(std::move(options));
                const std::string code = co_await connecting;
                if (behaviour == "silence")
                    BOOST_TEST(code == "ERR_TLS_HANDSHAKE_TIMEOUT");
                else if (behaviour == "plain text")
                    BOOST_TEST(code == "ERR_SSL_WRONG_VERSION_NUMBER");  // B-080
                else
                    BOOST_TEST(code == "ECONNRESET");  // B-077
            }
        }
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_CASE(connecting_can_be_stopped_and_taken_up_again, *boost::unit_test::label("EVT-18 SOCK-01 SOCK-03"))
{
    test::run([]() -> task<> {
        std::optional<net::socket> kept;
        std::optional<tls::socket> secured;
        net::server server = net::create_server({}, [&](net::socket socket) -> task<> {
            kept.emplace(std::move(socket));
            co_return;
        });
        tls::connect_options options = test::client_of(test::listen_anywhere(server));
        tls::socket client = tls::connect(std::move(options));
        auto limited = with_timeout(50ms, client.secure_connect());
        const result<> stopped = co_await limited;
        BOOST_TEST(name_of(stopped) == "ETIMEDOUT");
        auto waiting = test::eventually([&] { return kept.has_value(); });
        const bool there = co_await waiting;
        BOOST_TEST_REQUIRE(there);

        tls::socket_options as_server;
        as_server.is_server = true;
        as_server.secure_context = tls::create_secure_context({.cert = all().server.cert, .key = all().server.key});
        secured.emplace(std::move(*kept), std::move(as_server));
        scope both;
        auto shaking = [&]() -> task<> {
            auto handshake = secured->secure_connect();
            const result<> done = co_await handshake;
            BOOST_TEST(name_of(done) == "");
        };
        both.spawn(shaking);
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "");
        co_await both.join();
        auto again = client.secure_connect();
        const result<> twice = co_await again;
        BOOST_TEST(name_of(twice) == "");
    });
}

BOOST_AUTO_TEST_CASE(a_socket_destroyed_while_it_connects_never_connects,
                     *boost::unit_test::label("ERR-24 ERR-30 SOCK-40 B-090"))
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        {
            watching_server server(all().server);
            for (const bool begun : {false, true}) {
                tls::socket client = tls::connect(test::client_of(server.port));
                scope waiting;
                std::string connect_code, write_code;
                auto connecting = [&]() -> task<> {
                    auto handshake = client.secure_connect();
                    const result<> connected = co_await handshake;
                    connect_code = name_of(connected);
                };
                auto writing = [&]() -> task<> {
                    const result<std::size_t> written = co_await client.write("never");
                    write_code = name_of(written);
                };
                if (!begun)
                    client.destroy();
                waiting.spawn(connecting);
                waiting.spawn(writing);
                auto destroying = [&]() -> task<> {
                    client.destroy();
                    co_return;
                };
                waiting.spawn(destroying);
                co_await waiting.join();
                BOOST_TEST(connect_code == "ERR_STREAM_DESTROYED");
                BOOST_TEST(write_code == "ERR_STREAM_DESTROYED");
            }
            const result<> some_time = co_await sleep_for(30ms);
            BOOST_TEST(some_time.has_value());
            BOOST_TEST(server.secure == 0);
            BOOST_TEST(server.received == "");
        }
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_CASE(what_waits_for_a_connection_that_fails_is_told, *boost::unit_test::label("CONN-01 B-082"))
{
    test::run([]() -> task<> {
        tls::socket client = tls::connect(test::client_of(silent_port()));
        const result<std::size_t> early = co_await client.write("nobody connects");
        BOOST_TEST(name_of(early) == "ENOTCONN");
        scope waiting;
        std::string connect_code, read_code, write_code, second_code;
        auto connecting = [&]() -> task<> {
            auto handshake = client.secure_connect();
            const result<> connected = co_await handshake;
            connect_code = name_of(connected);
        };
        auto connecting_too = [&]() -> task<> {
            auto handshake = client.secure_connect();
            const result<> connected = co_await handshake;
            second_code = name_of(connected);
        };
        auto reading = [&]() -> task<> {
            std::array<std::byte, 10> buffer;
            const result<std::size_t> read = co_await client.read(buffer);
            read_code = name_of(read);
        };
        auto writing = [&]() -> task<> {
            const result<std::size_t> written = co_await client.write("never");
            write_code = name_of(written);
        };
        waiting.spawn(connecting);
        waiting.spawn(connecting_too);
        waiting.spawn(reading);
        waiting.spawn(writing);
        co_await waiting.join();
        BOOST_TEST(connect_code == "ECONNREFUSED");
        BOOST_TEST(second_code == "EALREADY");
        BOOST_TEST(read_code == "ECONNREFUSED");
        BOOST_TEST(write_code == "ECONNREFUSED");
        auto again = client.secure_connect();
        const result<> twice = co_await again;
        BOOST_TEST(name_of(twice) == "ECONNREFUSED");
    });
}

BOOST_AUTO_TEST_CASE(a_failed_handshake_is_not_tried_again_behind_the_callers_back)
{
    test::run([]() -> task<> {
        watching_server server(all().self_signed_server);
        tls::socket client = tls::connect(test::client_of(server.port));
        for (int i = 0; i < 3; ++i) {
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "DEPTH_ZERO_SELF_SIGNED_CERT");
        }
        const result<> some_time = co_await sleep_for(30ms);
        BOOST_TEST(some_time.has_value());
        BOOST_TEST(server.failures.size() + static_cast<std::size_t>(server.secure) == 1u);
    });
}

BOOST_AUTO_TEST_CASE(a_unix_socket_carries_tls_and_goes_before_host_and_port,
                     *boost::unit_test::label("CONN-07 NET-11 NET-16 SRV-06 B-097"))
{
    test::run([]() -> task<> {
        const std::string path = "/tmp/coil-connect-test-" + std::to_string(getpid());
        tls::server server = tls::create_server(test::serving(all().server), test::echo);
        server.listen({.host = "127.0.0.1", .path = path}).value();
        tls::connect_options options = test::client_of(silent_port());
        options.path = path;
        options.servername = "localhost";
        tls::socket client = tls::connect(std::move(options));
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "");
        auto talking = test::echoes(client, "through a file");
        const bool echoed = co_await talking;
        BOOST_TEST(echoed);
        BOOST_TEST(client.remote_address()->path() == path);
        static_cast<void>(server.close());
        BOOST_TEST(!std::filesystem::exists(path));
    });
}

BOOST_AUTO_TEST_CASE(ipv6_and_a_local_address_are_honoured, *boost::unit_test::label("CONN-24 NET-18 NET-19 B-098"))
{
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(all().server), test::echo);
        server.listen({}).value();
        tls::connect_options six = test::client_of(server.address()->port());
        six.host = "::1";
        tls::connect_options four = test::client_of(server.address()->port());
        four.local_address = "127.0.0.2";
        for (const tls::connect_options& options : {six, four}) {
            tls::socket client = tls::connect(options);
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "");
            if (options.host == "::1")
                BOOST_TEST(client.remote_address()->ip() == "::1");
            else
                BOOST_TEST(client.local_address()->ip() == "127.0.0.2");
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()
