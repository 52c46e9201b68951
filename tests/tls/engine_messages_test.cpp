// What a peer sends behind the first handshake and that is no data, and handlers that call the engine that asks them.
#include <coil/tls/engine.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"
#include "tests/support/openssl_end.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <optional>

using namespace coil;
using boost::unit_test::label;
using test::openssl_end;
using tls::engine_options;
using tls::protocol_version;
using tls::status;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

tls::secure_context context_of(const test::identity& who, protocol_version version)
{
    return tls::create_secure_context({.ca = all().root.certificate(),
                                       .cert = who.cert,
                                       .key = who.key,
                                       .max_version = version,
                                       .min_version = version});
}

test::engine_end server_of(protocol_version version, engine_options options = {})
{
    return {tls::engine(context_of(all().server, version), tls::role::server, std::move(options))};
}

test::engine_end client_end(protocol_version version)
{
    return {tls::engine(context_of(all().client, version), tls::role::client)};
}

/// How many records of this kind (TLS 1.2) or of any kind lie in `bytes`.
std::size_t records(std::string_view bytes)
{
    std::size_t count = 0;
    for (std::size_t at = 0; at + 5 <= bytes.size(); ++count)
        at += 5 + (static_cast<unsigned char>(bytes[at + 3]) * 256u + static_cast<unsigned char>(bytes[at + 4]));
    return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_messages_test)

BOOST_AUTO_TEST_CASE(a_peer_that_only_changes_keys_is_refused_after_32_of_them_on_both_sides, *label("F-20"))
{
    for (const tls::role role : {tls::role::server, tls::role::client})
        for (const int count : {32, 33, 400}) {
            test::engine_end end = role == tls::role::server ? server_of(protocol_version::tlsv1_3)
                                                             : client_end(protocol_version::tlsv1_3);
            openssl_end peer(role == tls::role::server ? tls::role::client : tls::role::server, TLS1_3_VERSION,
                             &all().server);
            end.step();
            peer.feed(test::take_output(end.engine));
            peer.talk(end);
            BOOST_TEST_REQUIRE(end.engine.handshake_done());
            // A client has read its tickets by now, which count too; data begins the count anew.
            BOOST_TEST(SSL_write(peer.ssl(), "x", 1) == 1);
            peer.talk(end);
            end.engine.feed(test::as_bytes(peer.key_updates(count)));
            end.step();
            if (count == 32) {
                BOOST_TEST((end.status == status::want_input));
                BOOST_TEST(end.write("still here"));
                peer.talk(end);
                BOOST_TEST(peer.received == "still here");
                continue;
            }
            BOOST_TEST((end.status == status::error));
            BOOST_TEST(end.code() == "ERR_TLS_TOO_MANY_MESSAGES");
            BOOST_TEST((end.engine.error_info().error == tls::errc::too_many_messages));
            BOOST_TEST(end.engine.error_info().openssl_error_stack.empty());
            BOOST_TEST(end.engine.error_info().alert.value_or(0) == SSL_AD_UNEXPECTED_MESSAGE);
            BOOST_TEST((end.engine.error_info().alert_direction == tls::alert_direction::sent));
            BOOST_TEST(end.engine.output_size() < 2000u);
            peer.feed(test::take_output(end.engine));
            BOOST_TEST(peer.step() == SSL_R_SSLV3_ALERT_UNEXPECTED_MESSAGE);
            BOOST_TEST(!end.write("x"));
        }
}

BOOST_AUTO_TEST_CASE(new_keys_with_data_among_them_may_come_without_end_and_a_read_rests_in_between, *label("F-20"))
{
    test::engine_end server = server_of(protocol_version::tlsv1_3);
    openssl_end client(tls::role::client, TLS1_3_VERSION);
    client.talk(server);
    std::string bytes;
    for (int i = 0; i < 20; ++i) {
        bytes += client.key_updates(30);
        BOOST_TEST_REQUIRE(SSL_write(client.ssl(), "data", 4) == 4);
        bytes += client.output();
    }
    server.engine.feed(test::as_bytes(bytes));
    std::array<std::byte, 4096> buffer;
    std::size_t total = 0;
    int reads = 0;
    for (tls::progress made = server.engine.read(buffer); made.status == status::done;
         made = server.engine.read(buffer)) {
        total += made.bytes;
        ++reads;
        BOOST_TEST(made.bytes <= 8u);  // 60 updates at most
    }
    BOOST_TEST(total == 80u);
    BOOST_TEST(reads >= 10);
    BOOST_TEST(server.code() == "");
}

BOOST_AUTO_TEST_CASE(requests_to_renegotiate_that_never_end_are_refused_on_clients, *label("F-20"))
{
    test::engine_end client = client_end(protocol_version::tlsv1_2);
    openssl_end server(tls::role::server, TLS1_2_VERSION, &all().server);
    client.step();
    server.feed(test::take_output(client.engine));
    server.talk(client);
    BOOST_TEST_REQUIRE(client.engine.handshake_done());
    int rounds = 0;
    for (; rounds < 100 && client.status != status::error; ++rounds) {
        BOOST_TEST_REQUIRE(SSL_renegotiate(server.ssl()) == 1);
        SSL_do_handshake(server.ssl());
        server.talk(client);
    }
    BOOST_TEST(rounds == 33);
    BOOST_TEST(client.code() == "ERR_TLS_TOO_MANY_MESSAGES");
    BOOST_TEST(client.engine.error_info().alert.value_or(0) == SSL_AD_NO_RENEGOTIATION);
}

BOOST_AUTO_TEST_CASE(what_is_known_of_the_peer_comes_from_the_newest_handshake, *label("F-65"))
{
    test::engine_end server =
        server_of(protocol_version::tlsv1_2, {.reject_unauthorized = false, .request_cert = true});
    openssl_end client(tls::role::client, TLS1_2_VERSION, &all().client);
    client.talk(server);
    BOOST_TEST_REQUIRE(server.engine.handshake_done());
    BOOST_TEST(server.engine.authorized());
    BOOST_TEST(server.engine.get_peer_certificate().has_value());
    // The second handshake is a full one, in which the client has no certificate any more.
    SSL_certs_clear(client.ssl());
    SSL_set_options(client.ssl(), SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    BOOST_TEST(SSL_renegotiate(client.ssl()) == 1);
    SSL_do_handshake(client.ssl());
    client.talk(server);
    BOOST_TEST(SSL_write(client.ssl(), "after it", 8) == 8);
    client.talk(server);
    BOOST_TEST(server.received == "after it");
    BOOST_TEST(!server.engine.get_peer_certificate().has_value());
    BOOST_TEST(!server.engine.authorized());
    BOOST_TEST(server.engine.authorization_error().value_or("") == "UNABLE_TO_GET_ISSUER_CERT");
}

BOOST_AUTO_TEST_CASE(a_write_leaves_a_renegotiation_and_the_data_before_it_to_reads, *label("F-71 RNG-14"))
{
    test::engine_end client = client_end(protocol_version::tlsv1_2);
    openssl_end server(tls::role::server, TLS1_2_VERSION, &all().server);
    client.step();
    server.feed(test::take_output(client.engine));
    server.talk(client);
    BOOST_TEST_REQUIRE(client.engine.handshake_done());
    // The server asks for a handshake and goes on sending; its data arrives when the client has answered.
    BOOST_TEST(SSL_renegotiate(server.ssl()) == 1);
    SSL_do_handshake(server.ssl());
    client.engine.feed(test::as_bytes(server.output()));
    client.step();
    const std::string hello = test::take_output(client.engine);
    BOOST_TEST(!hello.empty());
    BOOST_TEST(SSL_write(server.ssl(), "data", 4) == 4);
    client.engine.feed(test::as_bytes(server.output()));

    tls::progress made = client.engine.write(test::as_bytes("written"));
    BOOST_TEST((made.status == status::want_input));
    BOOST_TEST(made.bytes == 0u);
    BOOST_TEST(client.engine.pending());
    client.step();
    BOOST_TEST(client.received == "data");
    server.feed(hello);
    server.talk(client);
    BOOST_TEST(client.write("written"));
    server.talk(client);
    BOOST_TEST(server.received == "written");
    BOOST_TEST(client.code() == "");
}

BOOST_AUTO_TEST_CASE(a_refused_renegotiation_is_answered_with_its_alert_and_nothing_else,
                     *label("F-73 ERR-16 RNG-05 SOCK-14"))
{
    for (const tls::role role : {tls::role::server, tls::role::client}) {
        test::engine_end end =
            role == tls::role::server ? server_of(protocol_version::tlsv1_2) : client_end(protocol_version::tlsv1_2);
        openssl_end peer(role == tls::role::server ? tls::role::client : tls::role::server, TLS1_2_VERSION,
                         &all().server);
        end.step();
        peer.feed(test::take_output(end.engine));
        peer.talk(end);
        BOOST_TEST_REQUIRE(end.engine.handshake_done());
        end.engine.disable_renegotiation();
        SSL_renegotiate(peer.ssl());
        SSL_do_handshake(peer.ssl());
        end.engine.feed(test::as_bytes(peer.output()));
        end.step();
        BOOST_TEST(end.code() == "ERR_TLS_RENEGOTIATION_DISABLED");
        BOOST_TEST(end.engine.error_info().message == "TLS session renegotiation disabled for this socket");
        BOOST_TEST(end.engine.error_info().alert.value_or(0) == SSL_AD_NO_RENEGOTIATION);
        const std::string farewell = test::take_output(end.engine);
        BOOST_TEST(records(farewell) == 1u);
        BOOST_TEST(farewell.front() == SSL3_RT_ALERT);
    }
}

BOOST_AUTO_TEST_CASE(a_client_that_renegotiates_too_often_is_told_with_an_alert, *label("F-73 ERR-18 RNG-01"))
{
    test::engine_end server = server_of(protocol_version::tlsv1_2);
    openssl_end client(tls::role::client, TLS1_2_VERSION);
    client.talk(server);
    for (int i = 0; i < 3; ++i) {
        SSL_renegotiate(client.ssl());
        client.talk(server);
    }
    BOOST_TEST(server.code() == "");
    SSL_renegotiate(client.ssl());
    SSL_do_handshake(client.ssl());
    server.engine.feed(test::as_bytes(client.output()));
    server.step();
    BOOST_TEST(server.code() == "ERR_TLS_SESSION_ATTACK");
    BOOST_TEST(server.engine.error_info().alert.value_or(0) == SSL_AD_NO_RENEGOTIATION);
    const std::string farewell = test::take_output(server.engine);
    BOOST_TEST(records(farewell) == 1u);
    client.feed(farewell);
    BOOST_TEST(client.step() == SSL_R_NO_RENEGOTIATION);
}

BOOST_AUTO_TEST_CASE(a_refused_peer_leaves_its_certificate_and_the_reason, *label("F-67 ERR-07 IDN-01"))
{
    const auto refused = [](const test::identity& who, const std::string& code, const std::string& message) {
        test::engine_pair pair(tls::create_secure_context({.ca = all().root.certificate()}),
                               {.servername = "localhost"},
                               tls::create_secure_context({.cert = who.cert, .key = who.key}), {});
        BOOST_TEST(!pair.handshake());
        const tls::error_info& info = pair.client.engine.error_info();
        BOOST_TEST(info.code == code);
        BOOST_TEST(info.message == message);
        BOOST_TEST_REQUIRE(info.peer_certificate);
        const auto shown = pair.client.engine.get_peer_certificate(true);
        BOOST_TEST_REQUIRE(shown.has_value());
        BOOST_TEST((shown->raw == info.peer_certificate->raw));
        BOOST_TEST(!pair.client.engine.get_peer_certificate()->issuer_certificate);
        BOOST_TEST(!pair.client.engine.authorized());
        return *shown;
    };
    refused(all().expired, "CERT_HAS_EXPIRED", "certificate has expired");
    const tls::certificate wrong =
        refused(all().wrong_name, "ERR_TLS_CERT_ALTNAME_INVALID",
                "Hostname/IP does not match certificate's altnames: Host: localhost. is not in the cert's altnames: "
                "DNS:elsewhere.example.org");
    BOOST_TEST_REQUIRE(wrong.issuer_certificate);
    BOOST_TEST(wrong.issuer_certificate->self_issued);
}

BOOST_AUTO_TEST_CASE(a_name_that_an_authority_may_not_certify_is_told_as_such, *label("F-67 BYD-31"))
{
    const auto constrained =
        all().root.issue_authority("constrained", {{"nameConstraints", "permitted;DNS:example.com"}});
    const test::identity below = constrained->issue({});
    test::engine_pair pair(tls::create_secure_context({.ca = all().root.certificate()}), {.servername = "localhost"},
                           tls::create_secure_context({.cert = below.cert, .key = below.key}), {});
    BOOST_TEST(!pair.handshake());
    BOOST_TEST(pair.client.code() == "PERMITTED_VIOLATION");
    BOOST_TEST(pair.client.engine.error_info().message == "permitted subtree violation");
}

BOOST_AUTO_TEST_CASE(a_connection_that_ends_in_the_handshake_is_told_in_node_s_words, *label("F-67 CONN-26 ERR-31"))
{
    for (const tls::role role : {tls::role::server, tls::role::client}) {
        test::engine_end end =
            role == tls::role::server ? server_of(protocol_version::tlsv1_3) : client_end(protocol_version::tlsv1_3);
        end.step();
        end.engine.end_of_input();
        end.step();
        BOOST_TEST(end.code() == "ECONNRESET");
        BOOST_TEST(end.engine.error_info().message ==
                   (role == tls::role::server
                        ? "socket hang up"
                        : "Client network socket disconnected before secure TLS connection was established"));
    }
}

BOOST_AUTO_TEST_SUITE_END()
