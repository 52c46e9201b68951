// What a server asks its program, with programs of others as clients: what these see of the answers.

#include <coil/runtime/event.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include "tests/interop/question_peers.hpp"
#include "tests/support/credentials.hpp"
#include "tests/support/peer_process.hpp"
#include "tests/support/process_counts.hpp"
#include "tests/support/tls_loopback.hpp"
#include "tests/support/waiting_handlers.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using boost::unit_test::label;
using test::asking_server;
using test::at_work;
using test::client_kind;
using test::operator+;
using test::peer_process;
using test::sighting;
using test::words;
using tls::protocol_version;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

/// The context of b.example.com, which trusts the clients of the shared root.
tls::secure_context for_b()
{
    return tls::create_secure_context(
        {.ca = all().root.certificate(), .cert = all().server_b.cert, .key = all().server_b.key});
}

task<> wait_a_little()
{
    const result<> waited = co_await sleep_for(5ms);
    BOOST_TEST(waited.has_value());
}

words s_client(std::uint16_t port, protocol_version version, const test::visit& asks, const words& more = {})
{
    return test::client_command(client_kind::s_client, port, version, asks) + more;
}

/// The number of the alert that refuses a client that shows no certificate.
int missing_certificate(protocol_version version)
{
    return version == protocol_version::tlsv1_2 ? 40 : 116;
}

/// Nothing more than the alert comes to a client that is refused before it knows the server.
void check_refused(client_kind kind, const sighting& seen, int alert, const std::string& node_code)
{
    BOOST_TEST(seen.alert == alert, seen.text);
    BOOST_TEST(seen.subject == "", seen.text);
    if (kind == client_kind::node)
        BOOST_TEST(seen.code == node_code, seen.text);
    else
        BOOST_TEST(seen.exit_code == (kind == client_kind::curl ? 35 : 1), seen.text);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(questions_test)

BOOST_AUTO_TEST_CASE(clients_see_the_certificate_that_a_waiting_handler_chose,
                     *label("SNI-06 SNI-07 SNI-08 SNI-12 OPT-10 B-048"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        words asked;
        asking_server server({.sni_callback = [&](std::string name) -> task<tls::sni_answer> {
            asked.push_back(name);
            co_await wait_a_little();
            if (name == "b.example.com")
                co_return for_b();
            co_return std::nullopt;
        }});
        for (const std::string name : {"b.example.com", "localhost"}) {
            auto visiting = test::visit_server(kind, server.port, version, {.name = name});
            const sighting seen = co_await visiting;
            BOOST_TEST(seen.exit_code == 0, seen.text);
            BOOST_TEST(seen.subject == name, seen.text);
            BOOST_TEST(seen.code == "", seen.text);
        }
        BOOST_TEST(asked == (words{"b.example.com", "localhost"}), boost::test_tools::per_element());
        BOOST_TEST_REQUIRE(server.guests.size() == 2U);
        BOOST_TEST(server.guests.front().servername == "b.example.com");
        BOOST_TEST(server.guests.front().protocol == tls::to_string(version));
    });
}

BOOST_AUTO_TEST_CASE(clients_meet_the_protocols_and_the_certificate_policy_of_the_name, *label("SNI-13 BYD-19 ALPN-07"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        asking_server server({.alpn_protocols = {"h3"}, .sni_callback = [](std::string name) -> task<tls::sni_answer> {
                                  co_await wait_a_little();
                                  tls::sni_settings settings;
                                  if (name == "b.example.com") {
                                      settings.alpn_protocols = tls::alpn_protocol_list{"http/1.1"};
                                      settings.request_cert = true;
                                      settings.secure_context = for_b();
                                  }
                                  co_return settings;
                              }});
        test::visit asks{.alpn = {"h2", "http/1.1"}, .name = "b.example.com", .shows = "client"};
        auto known = test::visit_server(kind, server.port, version, asks);
        const sighting welcome = co_await known;
        BOOST_TEST(welcome.exit_code == 0, welcome.text);
        BOOST_TEST(welcome.subject == "b.example.com", welcome.text);
        BOOST_TEST(welcome.alpn == "http/1.1", welcome.text);
        BOOST_TEST_REQUIRE(server.guests.size() == 1U);
        BOOST_TEST(server.guests.front().authorized);
        BOOST_TEST(server.guests.front().peer == "client");
        asks.shows = "";
        auto unknown = test::visit_server(kind, server.port, version, asks);
        const sighting refused = co_await unknown;
        BOOST_TEST(refused.alert == missing_certificate(version), refused.text);
        asks.name = "localhost";
        auto elsewhere = test::visit_server(kind, server.port, version, asks);
        const sighting no_protocol = co_await elsewhere;
        BOOST_TEST(no_protocol.alert == 120, no_protocol.text);
        asks.alpn = {};
        auto plain = test::visit_server(kind, server.port, version, asks);
        const sighting served = co_await plain;
        BOOST_TEST(served.exit_code == 0, served.text);
        BOOST_TEST(served.subject == "localhost", served.text);
        BOOST_TEST(server.guests.size() == 2U);
    });
}

BOOST_AUTO_TEST_CASE(a_client_is_told_whether_its_name_made_a_difference, *label("SNI-07 SNI-08"))
{
    test::run([]() -> task<> {
        asking_server server({.sni_callback = [](std::string name) -> task<tls::sni_answer> {
            co_await wait_a_little();
            if (name == "b.example.com")
                co_return for_b();
            co_return std::nullopt;
        }});
        for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3})
            for (const std::string name : {"b.example.com", "localhost"}) {
                const test::scratch_folder folder;
                peer_process peer(s_client(server.port, version, {.name = name}, {"-tlsextdebug"}), folder);
                auto ending = peer.exited();
                const std::optional<int> code = co_await ending;
                BOOST_TEST(code.value_or(-1) == 0, peer.errors());
                const bool told = peer.output().find("TLS server extension \"server name\"") != std::string::npos;
                BOOST_TEST(told == (name == "b.example.com"), peer.output());
            }
    });
}

BOOST_AUTO_TEST_CASE(other_clients_are_served_while_a_handler_waits, *label("SNI-12"))
{
    test::run([]() -> task<> {
        event go;
        int waiting = 0;
        asking_server server({.sni_callback = [&](std::string name) -> task<tls::sni_answer> {
            if (name != "b.example.com")
                co_return std::nullopt;
            const at_work counted(waiting);
            const result<> told = co_await go.wait();
            BOOST_TEST(told.has_value());
            co_return for_b();
        }});
        const test::scratch_folder folder;
        peer_process slow(s_client(server.port, protocol_version::tlsv1_3, {.name = "b.example.com"}), folder);
        auto beginning = test::eventually([&] { return waiting == 1; });
        const bool begun = co_await beginning;
        BOOST_TEST_REQUIRE(begun, slow.errors());
        for (const client_kind kind : {client_kind::s_client, client_kind::curl, client_kind::node}) {
            auto visiting = test::visit_server(kind, server.port, protocol_version::tlsv1_3, {});
            const sighting seen = co_await visiting;
            BOOST_TEST(seen.subject == "localhost", seen.text);
        }
        BOOST_TEST(waiting == 1);
        BOOST_TEST(slow.output().find("subject=") == std::string::npos, slow.output());
        go.set();
        auto ending = slow.exited();
        const std::optional<int> code = co_await ending;
        BOOST_TEST(code.value_or(-1) == 0, slow.errors());
        BOOST_TEST(slow.output().find("subject=CN = b.example.com") != std::string::npos, slow.output());
    });
}

BOOST_AUTO_TEST_CASE(clients_of_a_handler_that_throws_are_told_of_an_internal_error, *label("SNI-09"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        asking_server server({.sni_callback = [](std::string name) -> task<tls::sni_answer> {
            co_await wait_a_little();
            if (name == "unknown.example.com")
                throw tls::error("ERR_UNKNOWN_NAME", "nobody of that name");
            throw std::runtime_error("broken");
        }});
        for (const std::string name : {"unknown.example.com", "localhost"}) {
            auto visiting = test::visit_server(kind, server.port, version, {.name = name});
            const sighting seen = co_await visiting;
            check_refused(kind, seen, 80, "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
            auto failing = server.failure();
            const tls::error_info failure = co_await failing;
            BOOST_TEST(failure.code == "ERR_TLS_HANDLER_FAILED");
            BOOST_TEST(int{failure.alert.value_or(0)} == 80);
            BOOST_TEST((failure.alert_direction == tls::alert_direction::sent));
            if (name == "localhost")
                BOOST_CHECK_THROW(std::rethrow_exception(failure.exception), std::runtime_error);
            else
                BOOST_CHECK_EXCEPTION(std::rethrow_exception(failure.exception), tls::error,
                                      [](const tls::error& why) { return why.code() == "ERR_UNKNOWN_NAME"; });
            server.failures.clear();
        }
        BOOST_TEST(server.guests.empty());
    });
}

BOOST_AUTO_TEST_CASE(clients_speak_the_protocol_that_a_waiting_handler_chose, *label("ALPN-08 BYD-28 B-053"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        std::vector<tls::alpn_request> asked;
        asking_server server({.alpn_callback = [&](tls::alpn_request request) -> task<tls::alpn_answer> {
            asked.push_back(request);
            co_await wait_a_little();
            co_return request.protocols.back();
        }});
        const words both{"h2", "http/1.1"};
        for (const words& offers : {both, words{"http/1.1"}, words{}}) {
            auto visiting = test::visit_server(kind, server.port, version, {.alpn = offers});
            const sighting seen = co_await visiting;
            BOOST_TEST(seen.exit_code == 0, seen.text);
            BOOST_TEST(seen.alpn == (offers.empty() ? "" : "http/1.1"), seen.text);
        }
        BOOST_TEST_REQUIRE(asked.size() == 2U);  // whoever offers nothing is not asked about
        BOOST_TEST(asked.front().protocols == both, boost::test_tools::per_element());
        BOOST_TEST(asked.front().servername == "localhost");
        BOOST_TEST_REQUIRE(server.guests.size() == 3U);
        BOOST_TEST(server.guests[0].alpn == "http/1.1");
        BOOST_TEST(server.guests[2].alpn == "");
    });
}

BOOST_AUTO_TEST_CASE(clients_are_told_that_no_protocol_suits, *label("ALPN-05 ALPN-08"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        asking_server server({.alpn_callback = [](tls::alpn_request) -> task<tls::alpn_answer> {
            co_await wait_a_little();
            co_return std::nullopt;
        }});
        auto visiting = test::visit_server(kind, server.port, version, {.alpn = {"h2", "http/1.1"}});
        const sighting seen = co_await visiting;
        check_refused(kind, seen, 120, "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
        auto failing = server.failure();
        const tls::error_info failure = co_await failing;
        BOOST_TEST(failure.code == "ERR_SSL_NO_APPLICATION_PROTOCOL");
    });
}

BOOST_AUTO_TEST_CASE(a_protocol_that_the_client_did_not_offer_ends_its_handshake, *label("ALPN-08 ERR-20"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        asking_server server({.alpn_callback = [](tls::alpn_request) -> task<tls::alpn_answer> {
            co_await wait_a_little();
            co_return "gopher";
        }});
        auto visiting = test::visit_server(kind, server.port, version, {.alpn = {"h2", "http/1.1"}});
        const sighting seen = co_await visiting;
        check_refused(kind, seen, 80, "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
        auto failing = server.failure();
        const tls::error_info failure = co_await failing;
        BOOST_TEST(failure.code == "ERR_TLS_ALPN_CALLBACK_INVALID_RESULT");
    });
}

BOOST_AUTO_TEST_CASE(who_asks_for_the_proof_of_a_name_sees_another_certificate, *label("ALPN-08 SOCK-44"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        if (kind == client_kind::curl)
            co_return;  // it cannot offer protocols of other names
        const tls::secure_context proof = for_b();
        asking_server server({.alpn_callback = [&](tls::alpn_request request) -> task<tls::alpn_answer> {
            co_await wait_a_little();
            tls::alpn_settings settings{.protocol = request.protocols.front()};
            if (settings.protocol == "acme-tls/1")
                settings.key_cert = proof;
            co_return settings;
        }});
        for (const bool proves : {true, false}) {
            const std::string protocol = proves ? "acme-tls/1" : "h2";
            const std::string subject = proves ? "b.example.com" : "localhost";
            auto visiting = test::visit_server(kind, server.port, version, {.alpn = {protocol}, .name = subject});
            const sighting seen = co_await visiting;
            BOOST_TEST(seen.exit_code == 0, seen.text);
            BOOST_TEST(seen.alpn == protocol, seen.text);
            BOOST_TEST(seen.subject == subject, seen.text);
            BOOST_TEST(seen.code == "", seen.text);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_client_that_has_to_say_hello_again_is_asked_about_once, *label("SNI-06 ALPN-08 BYD-06"))
{
    test::run([]() -> task<> {
        words asked;
        tls::server_options options{.request_cert = true};
        options.alpn_callback = [&](tls::alpn_request request) -> task<tls::alpn_answer> {
            asked.push_back("alpn");
            co_await wait_a_little();
            co_return request.protocols.back();
        };
        options.sni_callback = [&](std::string) -> task<tls::sni_answer> {
            asked.push_back("sni");
            co_await wait_a_little();
            co_return tls::create_secure_context({.ca = all().root.certificate(),
                                                  .cert = all().server_b.cert,
                                                  .ecdh_curve = "X25519",
                                                  .key = all().server_b.key});
        };
        options.verify_peer = [&](tls::peer_verification) -> task<tls::verdict> {
            asked.push_back("verify");
            co_await wait_a_little();
            co_return tls::verdict::unchanged();
        };
        asking_server server(std::move(options), {.ca = all().root.certificate()});
        const test::scratch_folder folder;
        peer_process peer(s_client(server.port, protocol_version::tlsv1_3,
                                   {.alpn = {"h2", "http/1.1"}, .name = "b.example.com", .shows = "client"},
                                   {"-msg", "-groups", "P-521:X25519"}),
                          folder);
        auto ending = peer.exited();
        const std::optional<int> code = co_await ending;
        const std::string text = peer.output();
        BOOST_TEST(code.value_or(-1) == 0, peer.errors());
        const std::size_t first = text.find(", ClientHello");
        BOOST_TEST_REQUIRE(first != std::string::npos, text);
        BOOST_TEST(text.find(", ClientHello", first + 1) != std::string::npos, text);
        BOOST_TEST(text.find("Server Temp Key: X25519") != std::string::npos, text);
        BOOST_TEST(text.find("subject=CN = b.example.com") != std::string::npos, text);
        BOOST_TEST(text.find("ALPN protocol: http/1.1") != std::string::npos, text);
        BOOST_TEST(asked == (words{"sni", "alpn", "verify"}), boost::test_tools::per_element());
        BOOST_TEST_REQUIRE(server.guests.size() == 1U);
        BOOST_TEST(server.guests.front().authorized);
    });
}

namespace {

/// A server whose handler of this kind waits for `go` and is counted meanwhile.
tls::server_options waiting_for(event& go, int& waiting, const std::string& kind)
{
    const auto wait = [&]() -> task<> {
        const at_work counted(waiting);
        static_cast<void>(co_await go.wait());
    };
    tls::server_options options{.request_cert = true};
    if (kind == "sni")
        options.sni_callback = [wait]() -> task<tls::sni_answer> {
            co_await wait();
            co_return std::nullopt;
        };
    else if (kind == "alpn")
        options.alpn_callback = [wait]() -> task<tls::alpn_answer> {
            co_await wait();
            co_return "h2";
        };
    else
        options.verify_peer = [wait]() -> task<tls::verdict> {
            co_await wait();
            co_return tls::verdict::unchanged();
        };
    return options;
}

task<> kill_a_client_that_is_asked_about(std::string kind, protocol_version version)
{
    event go;
    int waiting = 0;
    asking_server server(waiting_for(go, waiting, kind), {.ca = all().root.certificate()});
    const test::process_counts before = test::process_counts::now();
    {
        const test::scratch_folder folder;
        peer_process peer(s_client(server.port, version, {.alpn = {"h2"}, .shows = "client"}), folder);
        auto beginning = test::eventually([&] { return waiting == 1; });
        const bool begun = co_await beginning;
        BOOST_TEST_REQUIRE(begun, peer.errors());
        BOOST_TEST(server.server.connections() == 1U);
        peer.signal(SIGKILL);
        auto ending = peer.exited();
        const std::optional<int> code = co_await ending;
        BOOST_TEST(code.value_or(-1) == 128 + SIGKILL);
    }
    // A client's last flight is there when its certificate is asked about, so its end is no reason not to go on.
    if (kind == "verify")
        go.set();
    auto leaving = test::eventually([&] { return waiting == 0 && server.server.connections() == 0; });
    const bool left = co_await leaving;
    BOOST_TEST(left);
    BOOST_TEST(server.guests.size() == (kind == "verify" ? 1U : 0U));
    if (kind != "verify") {
        auto failing = server.failure();
        const tls::error_info failure = co_await failing;
        BOOST_TEST(failure.code == "ECONNRESET");
    }
    auto back = test::counts_return_to(before);
    co_await back;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_client_that_is_killed_while_it_is_asked_about_leaves_nothing_behind,
                     *label("SNI-11 SNI-12 ALPN-08 BYD-06"))
{
    for (const std::string kind : {"sni", "alpn", "verify"})
        for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3})
            BOOST_TEST_CONTEXT(kind << ", " << tls::to_string(version))
            {
                test::run([&] { return kill_a_client_that_is_asked_about(kind, version); });
            }
}

BOOST_AUTO_TEST_SUITE_END()
