// OpenSSL's own client and server as peers.

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include "tests/interop/transfer.hpp"
#include "tests/support/credentials.hpp"
#include "tests/support/peer_process.hpp"
#include "tests/support/random_data.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;
using test::peer_process;
using tls::protocol_version;

namespace {

using words = std::vector<std::string>;

const test::credentials& all()
{
    return test::shared_credentials();
}

const test::credential_files& files()
{
    static const test::credential_files shared;
    return shared;
}

words operator+(words first, const words& second)
{
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

words s_client(std::uint16_t port)
{
    return {"openssl",
            "s_client",
            "-connect",
            "127.0.0.1:" + std::to_string(port),
            "-CAfile",
            files().path("root.pem"),
            "-verify_return_error"};
}

words s_server(std::uint16_t port)
{
    return {"openssl",  "s_server",
            "-accept",  "127.0.0.1:" + std::to_string(port),
            "-cert",    files().path("server.pem"),
            "-key",     files().path("server.key"),
            "-naccept", "1"};
}

std::string version_option(protocol_version version)
{
    return version == protocol_version::tlsv1_2 ? "-tls1_2" : "-tls1_3";
}

/// A server whose handler runs a transfer and keeps what came of it.
struct transfer_server {
    explicit transfer_server(tls::server_options options = {}, tls::secure_context_options context = {})
        : server(tls::create_server(test::serving(all().server, half_open(std::move(options)), std::move(context)),
                                    [this](tls::socket socket) { return serve(std::move(socket)); })),
          port(test::listen_anywhere(server))
    {
        server.on_tls_client_error(
            [this](const tls::error_info& what, const tls::socket&) { failures.push_back(what); });
    }
    transfer_server(const transfer_server&) = delete;

    /// Each side ends when it has sent everything, whatever the other does.
    static tls::server_options half_open(tls::server_options options)
    {
        options.allow_half_open = true;
        return options;
    }

    task<> serve(tls::socket socket)
    {
        protocol = std::string(socket.get_protocol().value_or(""));
        authorized = socket.authorized();
        servername = std::string(socket.servername().value_or(""));
        alpn = std::string(socket.alpn_protocol().value_or(""));
        if (size == 0) {
            const result<> ended = co_await socket.end();
            static_cast<void>(ended);  // the peer may have left already
            co_return;
        }
        auto transferring = test::transfer_both_ways(socket, 21, size);
        made = co_await transferring;
    }

    std::size_t size = test::transfer_size;
    std::string protocol, servername, alpn;
    bool authorized = false;
    std::optional<test::transfer> made;
    std::vector<tls::error_info> failures;
    tls::server server;
    std::uint16_t port;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(openssl_test)

BOOST_AUTO_TEST_CASE(s_client_exchanges_sixteen_mebibytes_with_a_server)
{
    for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3}) {
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            transfer_server server({.request_cert = true}, {.ca = all().root.certificate()});
            peer_process peer(s_client(server.port) + words{"-quiet", version_option(version), "-servername",
                                                            "localhost", "-cert", files().path("client.pem"), "-key",
                                                            files().path("client.key")},
                              folder);
            const std::string text = test::random_data(22).text(test::transfer_size);
            auto feeding = peer.feed(text);
            const bool fed = co_await feeding;
            BOOST_TEST(fed);
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST_REQUIRE(code.has_value(), peer.errors());
            BOOST_TEST(*code == 0, peer.errors());
            auto finishing = test::eventually([&] { return server.made.has_value(); });
            const bool finished = co_await finishing;
            BOOST_TEST_REQUIRE(finished);
            BOOST_TEST(server.protocol == tls::to_string(version));
            BOOST_TEST(server.authorized);
            BOOST_TEST(server.servername == "localhost");
            BOOST_TEST(server.made->received == test::digest_of(text));
            BOOST_TEST(server.made->received_bytes == text.size());
            BOOST_TEST(server.made->sent == test::digest_of(peer.output()));
        });
    }
}

BOOST_AUTO_TEST_CASE(s_server_exchanges_sixteen_mebibytes_with_a_client)
{
    for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3}) {
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            const std::uint16_t port = test::free_port();
            peer_process peer(s_server(port) + words{"-quiet", version_option(version), "-Verify", "2",
                                                     "-verify_return_error", "-CAfile", files().path("root.pem")},
                              folder);
            auto starting = peer.listens(port);
            const bool listens = co_await starting;
            BOOST_TEST_REQUIRE(listens, peer.errors());
            const std::string text = test::random_data(23).text(test::transfer_size);
            scope feeding;
            auto feeder = [&]() -> task<> {
                auto input = peer.feed(text);
                const bool fed = co_await input;
                BOOST_TEST(fed);
            };
            feeding.spawn(feeder);
            tls::connect_options options =
                test::client_of(port, {.allow_half_open = true}, {.cert = all().client.cert, .key = all().client.key});
            tls::socket client = tls::connect(std::move(options));
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST_REQUIRE(name_of(connected) == "", peer.errors());
            BOOST_TEST(client.get_protocol().value() == tls::to_string(version));
            auto transferring = test::transfer_both_ways(client, 24);
            const test::transfer made = co_await transferring;
            co_await feeding.join();
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST(code.value_or(-1) == 0, peer.errors());
            BOOST_TEST(made.received == test::digest_of(text));
            BOOST_TEST(made.received_bytes == text.size());
            BOOST_TEST(made.end == name_of(result<>(errc::end_of_stream)));
            BOOST_TEST(made.sent == test::digest_of(peer.output()));
        });
    }
}

BOOST_AUTO_TEST_CASE(s_client_that_shares_no_version_or_cipher_is_refused_with_the_right_alert,
                     *boost::unit_test::label("GEN-07 B-016 B-020"))
{
    struct {
        words options;
        const char* said;
        const char* code;
        int alert;
    } const cases[] = {
        {{"-tls1_2"}, "alert number 70", "ERR_SSL_UNSUPPORTED_PROTOCOL", 70},  // B-016
        {{"-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"},
         "alert number 40",
         "ERR_SSL_NO_SHARED_CIPHER",
         40},  // B-020
    };
    for (const auto& one : cases) {
        test::run([&one]() -> task<> {
            const test::scratch_folder folder;
            tls::secure_context_options context = test::only(protocol_version::tlsv1_3);
            context.ciphers = "TLS_AES_256_GCM_SHA384";
            context.strict_tls13_ciphers = true;
            transfer_server server({}, context);
            peer_process peer(s_client(server.port) + one.options, folder);
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST(code.value_or(-1) == 1, peer.errors());
            BOOST_TEST(peer.errors().find(one.said) != std::string::npos, peer.errors());
            auto waiting = test::eventually([&] { return !server.failures.empty(); });
            const bool told = co_await waiting;
            BOOST_TEST_REQUIRE(told);
            BOOST_TEST(server.failures.size() == 1u);
            BOOST_TEST(server.failures.front().code == one.code);
            BOOST_TEST(server.failures.front().alert.value_or(0) == one.alert);
        });
    }
}

BOOST_AUTO_TEST_CASE(s_client_without_the_right_certificate_is_refused,
                     *boost::unit_test::label("BYD-27 SRV-11 SRV-12"))
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        transfer_server server({.request_cert = true}, {.ca = all().root.certificate()});
        peer_process without(s_client(server.port) + words{"-tls1_2"}, folder);
        auto ending = without.exited();
        const std::optional<int> code = co_await ending;
        BOOST_TEST(code.value_or(-1) == 1);
        BOOST_TEST(without.errors().find("alert number 40") != std::string::npos, without.errors());
        peer_process foreign(s_client(server.port) + words{"-tls1_2", "-cert", files().path("foreign_client.pem"),
                                                           "-key", files().path("foreign_client.key")},
                             folder);
        auto ending_too = foreign.exited();
        const std::optional<int> code_too = co_await ending_too;
        BOOST_TEST(code_too.value_or(-1) == 1);
        BOOST_TEST(foreign.errors().find("alert number 48") != std::string::npos, foreign.errors());
        auto waiting = test::eventually([&] { return server.failures.size() == 2; });
        const bool told = co_await waiting;
        BOOST_TEST_REQUIRE(told);
        BOOST_TEST(server.failures[0].code == "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE");
        BOOST_TEST(server.failures[1].code == "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
        BOOST_TEST(!server.made.has_value());
    });
}

BOOST_AUTO_TEST_CASE(s_client_sees_the_certificate_of_the_name_it_asks_for_and_the_protocol,
                     *boost::unit_test::label("ALPN-04 ALPN-07 SNI-04 SRV-02"))
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        transfer_server server({.alpn_protocols = {"h2", "http/1.1"}});
        server.size = 0;
        server.server.add_context("a.example.com", {.cert = all().server_a.cert, .key = all().server_a.key});
        for (const std::string name : {"a.example.com", "other.example.com"}) {
            peer_process peer(s_client(server.port) + words{"-servername", name, "-alpn", "http/1.1,h2"}, folder);
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST(code.value_or(-1) == 0, peer.errors());
            const std::string subject = name == "a.example.com" ? "CN = a.example.com" : "CN = localhost";
            BOOST_TEST(peer.output().find("subject=" + subject) != std::string::npos, peer.output());
            BOOST_TEST(peer.output().find("ALPN protocol: h2") != std::string::npos, peer.output());
            BOOST_TEST(peer.output().find("Verify return code: 0 (ok)") != std::string::npos, peer.output());
            BOOST_TEST(server.servername == name);
            BOOST_TEST(server.alpn == "h2");
        }
    });
}

BOOST_AUTO_TEST_CASE(s_client_resumes_its_session, *boost::unit_test::label("SES-02 SES-31 B-059"))
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        transfer_server server;
        server.size = 0;
        peer_process first(s_client(server.port) + words{"-reconnect", "-tls1_2"}, folder);
        auto ending = first.exited();
        const std::optional<int> code = co_await ending;
        BOOST_TEST(code.value_or(-1) == 0, first.errors());
        const std::string said = first.output();
        std::size_t reused = 0;
        for (std::size_t at = said.find("\nReused, "); at != std::string::npos; at = said.find("\nReused, ", at + 1))
            ++reused;
        BOOST_TEST(reused == 5u, said);

        const std::string session = folder.path("session.pem");
        for (const bool resumes : {false, true}) {
            words command = s_client(server.port) + words{"-tls1_3", resumes ? "-sess_in" : "-sess_out", session};
            peer_process peer(command, folder);
            auto ending_too = peer.exited();
            const std::optional<int> code_too = co_await ending_too;
            BOOST_TEST(code_too.value_or(-1) == 0, peer.errors());
            BOOST_TEST((peer.output().find(resumes ? "Reused, TLSv1.3" : "New, TLSv1.3") != std::string::npos),
                       peer.output());
        }
    });
}

BOOST_AUTO_TEST_CASE(an_s_server_that_is_killed_is_a_truncation, *boost::unit_test::label("BYD-21"))
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        const std::uint16_t port = test::free_port();
        peer_process peer(s_server(port) + words{"-quiet"}, folder);
        auto starting = peer.listens(port);
        const bool listens = co_await starting;
        BOOST_TEST_REQUIRE(listens, peer.errors());
        tls::socket client = tls::connect(test::client_of(port));
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST_REQUIRE(name_of(connected) == "");
        auto feeding = peer.feed("some text");
        const bool fed = co_await feeding;
        BOOST_TEST(fed);
        auto reading = test::read_exactly(client, 9);
        const std::string text = co_await reading;
        BOOST_TEST(text == "some text");
        peer.signal(SIGKILL);
        std::error_code why;
        auto rest = test::read_all(client, why);
        const std::string nothing = co_await rest;
        BOOST_TEST(nothing == "");
        BOOST_TEST((why == tls::errc::truncated), why.message());
    });
}

BOOST_AUTO_TEST_CASE(an_s_server_without_the_right_certificate_is_refused, *boost::unit_test::label("CONN-12 ERR-43"))
{
    test::run([]() -> task<> {
        for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3}) {
            const test::scratch_folder folder;
            const std::uint16_t port = test::free_port();
            peer_process peer({"openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port), "-cert",
                               files().path("expired.pem"), "-key", files().path("expired.key"), "-naccept", "1",
                               version_option(version)},
                              folder);
            auto starting = peer.listens(port);
            const bool listens = co_await starting;
            BOOST_TEST_REQUIRE(listens, peer.errors());
            tls::socket client = tls::connect(test::client_of(port));
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "CERT_HAS_EXPIRED");
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST(code.has_value());
            BOOST_TEST(peer.errors().find("alert number 45") != std::string::npos, peer.errors());
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()
