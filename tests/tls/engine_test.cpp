#include <coil/tls/engine.hpp>

#include <coil/runtime/internal/chunk.hpp>
#include <coil/tls/internal/engine_access.hpp>
#include <coil/tls/internal/server_names.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"
#include "tests/support/thrown_code.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <vector>

using namespace coil;
using test::engine_pair;
using test::thrown_code;
using tls::engine_options;
using tls::protocol_version;
using tls::role;
using tls::status;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

tls::secure_context context_of(const test::identity& who, tls::secure_context_options options = {})
{
    options.cert = who.cert;
    options.key = who.key;
    return tls::create_secure_context(options);
}

/// Both ends speak only this version.
tls::secure_context_options only(protocol_version version)
{
    return {.max_version = version, .min_version = version};
}

tls::secure_context trusting(const std::string& root, tls::secure_context_options options = {})
{
    options.ca = root;
    return tls::create_secure_context(options);
}

engine_pair plain_pair(protocol_version version, engine_options client = {}, engine_options server = {})
{
    return engine_pair(trusting(all().root.certificate(), only(version)), std::move(client),
                       context_of(all().server, only(version)), std::move(server));
}

std::string random_text(std::size_t size)
{
    std::mt19937 source(7);
    std::string text(size, '\0');
    for (char& c : text)
        c = static_cast<char>(source());
    return text;
}

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_test)

BOOST_AUTO_TEST_CASE(a_handshake_and_data_survive_every_size_of_pieces, *boost::unit_test::label("BYD-04"))
{
    const std::string up = random_text(40'000);
    const std::string down = random_text(3'000);
    for (const protocol_version version : both_versions)
        for (const std::size_t piece : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 100u, 1000u, 16'384u, 100'000u}) {
            engine_pair pair = plain_pair(version);
            BOOST_TEST_REQUIRE(pair.handshake(piece));
            BOOST_TEST(pair.client.engine.get_protocol().value_or("") == tls::to_string(version));
            BOOST_TEST(pair.server.engine.get_protocol().value_or("") == tls::to_string(version));
            BOOST_TEST(pair.client.write(up));
            BOOST_TEST(pair.server.write(down));
            pair.pump(piece);
            BOOST_TEST((pair.server.received == up));
            BOOST_TEST((pair.client.received == down));
        }
}

BOOST_AUTO_TEST_CASE(every_place_to_cut_a_flight_in_two_works)
{
    for (const protocol_version version : both_versions) {
        std::size_t longest = 1;
        for (std::size_t cut = 1; cut < longest + 1; ++cut) {
            engine_pair pair = plain_pair(version);
            pair.client.step();
            for (int flight = 0; flight < 6; ++flight) {
                test::engine_end& from = flight % 2 ? pair.server : pair.client;
                test::engine_end& to = flight % 2 ? pair.client : pair.server;
                const std::string bytes = test::take_output(from.engine);
                longest = std::max(longest, bytes.size());
                to.engine.feed(test::as_bytes(std::string_view(bytes).substr(0, cut)));
                to.step();
                if (bytes.size() > cut) {
                    to.engine.feed(test::as_bytes(std::string_view(bytes).substr(cut)));
                    to.step();
                }
            }
            BOOST_TEST_REQUIRE(pair.client.engine.handshake_done());
            BOOST_TEST_REQUIRE(pair.server.engine.handshake_done());
        }
        BOOST_TEST(longest > 500u);
    }
}

BOOST_AUTO_TEST_CASE(lent_bytes_are_read_in_place_and_the_rest_comes_back)
{
    engine_pair pair = plain_pair(protocol_version::tlsv1_3);
    BOOST_TEST_REQUIRE(pair.handshake());
    BOOST_TEST(pair.client.write("first"));
    const std::string first = test::take_output(pair.client.engine);
    BOOST_TEST(pair.client.write("second"));
    const std::string records = first + test::take_output(pair.client.engine);

    tls::engine& server = pair.server.engine;
    std::array<std::byte, 5> buffer;
    server.lend(test::as_bytes(records));
    const tls::progress step = server.read(buffer);
    BOOST_TEST((step.status == status::done));
    BOOST_TEST(step.bytes == 5u);
    BOOST_TEST(server.unread() == records.size() - first.size());
    BOOST_TEST(server.reclaim() == records.size() - first.size());
    BOOST_TEST(server.unread() == 0u);
    BOOST_TEST((server.read(buffer).status == status::want_input));

    // A cut record: its first half by copy, the other half lent.
    server.feed(test::as_bytes(std::string_view(records).substr(first.size(), 3)));
    server.lend(test::as_bytes(std::string_view(records).substr(first.size() + 3)));
    pair.server.step();
    BOOST_TEST(server.reclaim() == 0u);
    BOOST_TEST(pair.server.received == "second");
}

BOOST_AUTO_TEST_CASE(a_read_gathers_small_records_and_leaves_the_rest_pending)
{
    for (const protocol_version version : both_versions) {
        engine_pair pair = plain_pair(version);
        BOOST_TEST_REQUIRE(pair.handshake());
        for (int i = 0; i < 10; ++i)
            BOOST_TEST(pair.client.write("0123456789"));
        pair.server.engine.feed(test::as_bytes(test::take_output(pair.client.engine)));
        std::array<std::byte, 95> buffer;
        BOOST_TEST(pair.server.engine.read(buffer).bytes == 95u);
        BOOST_TEST(pair.server.engine.pending());
        BOOST_TEST(pair.server.engine.read(buffer).bytes == 5u);
        BOOST_TEST(!pair.server.engine.pending());
    }
}

BOOST_AUTO_TEST_CASE(close_notify_ends_one_direction_only, *boost::unit_test::label("GEN-11 B-070"))
{
    for (const protocol_version version : both_versions) {
        engine_pair pair = plain_pair(version);
        BOOST_TEST_REQUIRE(pair.handshake());
        BOOST_TEST(pair.client.write("last words"));
        BOOST_TEST((pair.client.engine.shutdown() == status::done));
        BOOST_TEST((pair.client.engine.shutdown() == status::done));
        BOOST_TEST(pair.client.engine.shutdown_sent());
        pair.pump();
        BOOST_TEST(pair.server.received == "last words");
        BOOST_TEST((pair.server.status == status::closed));
        BOOST_TEST(!pair.client.write("more"));
        BOOST_TEST((pair.client.engine.error_info().error == coil::errc::write_after_end));
        // The other direction still works.
        BOOST_TEST(pair.server.write("answer"));
        BOOST_TEST((pair.server.engine.shutdown() == status::done));
        pair.pump();
        BOOST_TEST(pair.client.received == "answer");
        BOOST_TEST((pair.client.status == status::closed));
        // The transport may end now.
        pair.client.engine.end_of_input();
        pair.client.step();
        BOOST_TEST((pair.client.status == status::closed));
    }
}

BOOST_AUTO_TEST_CASE(the_end_of_the_transport_without_close_notify_is_truncation, *boost::unit_test::label("BYD-21"))
{
    for (const protocol_version version : both_versions) {
        engine_pair pair = plain_pair(version);
        BOOST_TEST_REQUIRE(pair.handshake());
        BOOST_TEST(pair.client.write("half a mes"));
        pair.pump();
        pair.server.engine.end_of_input();
        pair.server.step();
        BOOST_TEST((pair.server.status == status::error));
        BOOST_TEST((pair.server.engine.error_info().error == tls::errc::truncated));
        BOOST_TEST(pair.server.received == "half a mes");
        // What the peer may still read can still be written.
        BOOST_TEST(pair.server.write("still here"));
        pair.pump();
        BOOST_TEST(pair.client.received == "still here");
    }
}

BOOST_AUTO_TEST_CASE(truncation_can_be_taken_for_an_end_but_not_inside_a_record, *boost::unit_test::label("BYD-21"))
{
    engine_pair pair = plain_pair(protocol_version::tlsv1_3, {}, {.allow_truncation = true});
    BOOST_TEST_REQUIRE(pair.handshake());
    pair.server.engine.end_of_input();
    pair.server.step();
    BOOST_TEST((pair.server.status == status::closed));

    engine_pair cut = plain_pair(protocol_version::tlsv1_3, {}, {.allow_truncation = true});
    BOOST_TEST_REQUIRE(cut.handshake());
    BOOST_TEST(cut.client.write("a record"));
    const std::string record = test::take_output(cut.client.engine);
    cut.server.engine.feed(test::as_bytes(std::string_view(record).substr(0, record.size() - 1)));
    cut.server.engine.end_of_input();
    cut.server.step();
    BOOST_TEST((cut.server.engine.error_info().error == tls::errc::truncated));
}

BOOST_AUTO_TEST_CASE(the_end_of_the_transport_in_the_handshake_is_a_lost_connection,
                     *boost::unit_test::label("ERR-31 B-077 B-078"))
{
    for (const bool server_loses : {false, true}) {
        engine_pair pair = plain_pair(protocol_version::tlsv1_3);
        pair.client.step();
        test::engine_end& loser = server_loses ? pair.server : pair.client;
        loser.engine.end_of_input();
        loser.step();
        BOOST_TEST((loser.status == status::error));
        BOOST_TEST(loser.code() == "ECONNRESET");
        BOOST_TEST((loser.engine.error_info().error == tls::errc::handshake_interrupted));
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_tls_is_refused_with_an_alert,
                     *boost::unit_test::label("ERR-01 ERR-02 SRV-16 B-100 B-101"))
{
    struct bad_input {
        std::string bytes;
        std::string code;
        std::optional<std::uint8_t> alert;  // none for those who do not speak TLS
    };
    const bad_input table[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "ERR_SSL_HTTP_REQUEST", std::nullopt},
        {"CONNECT a:443 HTTP/1.1\r\n\r\n", "ERR_SSL_HTTPS_PROXY_REQUEST", std::nullopt},
        {std::string(2000, '*'), "ERR_SSL_WRONG_VERSION_NUMBER", std::nullopt},
        {"blah\nblah\nblah\n", "ERR_SSL_WRONG_VERSION_NUMBER", std::nullopt},
        {std::string("\x16\x03\x01\xff\xff", 5) + std::string(20, 'x'), "ERR_SSL_PACKET_LENGTH_TOO_LONG", 22},
        {std::string("\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9), "ERR_SSL_LENGTH_TOO_SHORT", 50},
        {std::string("\x17\x03\x03\x00\x02hi", 7), "ERR_SSL_UNEXPECTED_MESSAGE", 10},
    };
    for (const bad_input& row : table) {
        tls::engine server(context_of(all().server), role::server);
        server.feed(test::as_bytes(row.bytes));
        BOOST_TEST((server.handshake() == status::error));
        const tls::error_info& info = server.error_info();
        BOOST_TEST(info.code == row.code);
        BOOST_TEST(error_name(info.error) == row.code);
        BOOST_TEST(info.library == "SSL routines");
        BOOST_TEST(!info.openssl_error_stack.empty());
        BOOST_TEST((info.phase == tls::phase::handshake));
        // It stays failed, and the alert is there to be sent.
        BOOST_TEST((server.handshake() == status::error));
        BOOST_TEST((info.alert == row.alert),
                   "alert " << (info.alert ? int(*info.alert) : -1) << " after " << row.code);
        BOOST_TEST(server.output_size() == (row.alert ? 7u : 0u));
    }
}

BOOST_AUTO_TEST_CASE(a_plaintext_server_is_a_wrong_version_number_for_the_client,
                     *boost::unit_test::label("ERR-02 B-079 B-080"))
{
    tls::engine client(trusting(all().root.certificate()), role::client);
    BOOST_TEST((client.handshake() == status::want_input));
    client.consume_output(client.output_size());
    client.feed(test::as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
    BOOST_TEST((client.handshake() == status::error));
    BOOST_TEST(client.error_info().code == "ERR_SSL_WRONG_VERSION_NUMBER");
    BOOST_TEST(client.error_info().reason == "wrong version number");
    // Who does not speak TLS gets no alert.
    BOOST_TEST(!client.error_info().alert);
    BOOST_TEST(client.output_size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_changed_byte_ends_the_connection_with_an_alert_on_both_ends,
                     *boost::unit_test::label("ERR-04 SOCK-39"))
{
    for (const protocol_version version : both_versions) {
        engine_pair pair = plain_pair(version);
        BOOST_TEST_REQUIRE(pair.handshake());
        BOOST_TEST(pair.client.write("genuine"));
        std::string record = test::take_output(pair.client.engine);
        record.back() ^= 1;
        pair.server.engine.feed(test::as_bytes(record));
        pair.server.step();
        // Node's code is that of the oldest error in OpenSSL's queue.
        BOOST_TEST(pair.server.code() == (version == protocol_version::tlsv1_2
                                              ? "ERR_SSL_CIPHER_OPERATION_FAILED"
                                              : "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC"));
        BOOST_TEST(pair.server.engine.error_info().openssl_error_stack.back().reason ==
                   "decryption failed or bad record mac");
        BOOST_TEST(pair.server.engine.error_info().alert.value() == 20);
        BOOST_TEST((pair.server.engine.error_info().alert_direction == tls::alert_direction::sent));
        BOOST_TEST((pair.server.engine.error_info().phase == tls::phase::established));
        BOOST_TEST(!pair.server.write("too late"));
        pair.pump();
        BOOST_TEST(pair.client.code() == "ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC");
        BOOST_TEST(pair.client.engine.error_info().alert.value() == 20);
        BOOST_TEST((pair.client.engine.error_info().alert_direction == tls::alert_direction::received));
    }
}

BOOST_AUTO_TEST_CASE(versions_without_overlap_fail_on_both_ends, *boost::unit_test::label("ERR-04 GEN-07 B-016"))
{
    engine_pair pair(trusting(all().root.certificate(), only(protocol_version::tlsv1_2)), {},
                     context_of(all().server, only(protocol_version::tlsv1_3)), {});
    BOOST_TEST(!pair.handshake());
    BOOST_TEST(pair.server.code() == "ERR_SSL_UNSUPPORTED_PROTOCOL");
    BOOST_TEST(pair.client.code() == "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
    BOOST_TEST(pair.client.engine.error_info().alert.value() == 70);
}

BOOST_AUTO_TEST_CASE(ciphers_without_overlap_fail_on_both_ends, *boost::unit_test::label("B-020"))
{
    engine_pair pair(trusting(all().root.certificate(), {.ciphers = "TLS_AES_128_GCM_SHA256"}), {},
                     context_of(all().server, {.ciphers = "TLS_AES_256_GCM_SHA384"}), {});
    BOOST_TEST(!pair.handshake());
    BOOST_TEST(pair.server.code() == "ERR_SSL_NO_SHARED_CIPHER");
    BOOST_TEST(pair.client.code() == "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE");
}

BOOST_AUTO_TEST_CASE(a_server_without_a_certificate_fails_the_handshake, *boost::unit_test::label("CTX-22 B-008"))
{
    engine_pair pair(trusting(all().root.certificate()), {}, tls::create_secure_context(), {});
    BOOST_TEST(!pair.handshake());
    BOOST_TEST(pair.server.code() == "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM");
    BOOST_TEST(pair.client.code() == "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE");
}

BOOST_AUTO_TEST_CASE(the_server_s_order_of_ciphers_decides_unless_told_otherwise,
                     *boost::unit_test::label("CTX-21 OPT-15 B-021"))
{
    struct row {
        std::optional<bool> honor;
        std::string cipher;
    };
    for (const row& given : {row{std::nullopt, "ECDHE-ECDSA-AES256-GCM-SHA384"},
                             row{true, "ECDHE-ECDSA-AES256-GCM-SHA384"}, row{false, "ECDHE-ECDSA-AES128-GCM-SHA256"}}) {
        engine_pair pair(
            trusting(all().root.certificate(),
                     {.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
                      .max_version = protocol_version::tlsv1_2}),
            {},
            context_of(all().server, {.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
                                      .honor_cipher_order = given.honor}),
            {});
        BOOST_TEST_REQUIRE(pair.handshake());
        BOOST_TEST(pair.client.engine.get_cipher()->name == given.cipher);
    }
}

BOOST_AUTO_TEST_CASE(application_protocols_follow_the_server_s_preference,
                     *boost::unit_test::label("ALPN-03 ALPN-04 ALPN-06 CONN-14 OPT-03 SOCK-35 B-052"))
{
    struct row {
        tls::alpn_protocol_list client;
        tls::alpn_protocol_list server;
        std::optional<std::string_view> chosen;
    };
    const row table[] = {
        {{"a", "b", "c"}, {"a", "b", "c"}, "a"},
        {{"c", "b", "e"}, {"a", "b", "c"}, "b"},
        {{}, {"a", "b", "c"}, std::nullopt},
        {{"a", "b", "c"}, {}, std::nullopt},
        {{std::string_view("\x00\xff", 2)}, {std::string_view("\x00\xff", 2)}, std::string_view("\x00\xff", 2)},
    };
    for (const protocol_version version : both_versions)
        for (const row& given : table) {
            engine_pair pair = plain_pair(version, {.alpn_protocols = given.client}, {.alpn_protocols = given.server});
            BOOST_TEST_REQUIRE(pair.handshake());
            BOOST_TEST((pair.client.engine.alpn_protocol() == given.chosen));
            BOOST_TEST((pair.server.engine.alpn_protocol() == given.chosen));
        }
}

BOOST_AUTO_TEST_CASE(no_common_application_protocol_is_a_fatal_alert, *boost::unit_test::label("ALPN-05"))
{
    engine_pair pair =
        plain_pair(protocol_version::tlsv1_3, {.alpn_protocols = {"h2"}}, {.alpn_protocols = {"http/1.1"}});
    BOOST_TEST(!pair.handshake());
    BOOST_TEST(pair.server.code() == "ERR_SSL_NO_APPLICATION_PROTOCOL");
    BOOST_TEST(pair.client.code() == "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
    BOOST_TEST(pair.server.engine.error_info().alert.value() == 120);
}

BOOST_AUTO_TEST_CASE(an_empty_context_or_an_impossible_name_is_refused_at_once,
                     *boost::unit_test::label("ERR-10 ERR-27"))
{
    BOOST_TEST(thrown_code([] { tls::engine(tls::secure_context(), role::client); }) == "ERR_TLS_INVALID_CONTEXT");
    const tls::secure_context context = trusting(all().root.certificate());
    BOOST_TEST(thrown_code([&] { tls::engine(context, role::client, {.servername = std::string(256, 'a')}); }) ==
               "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(thrown_code([&] { tls::engine(context, role::client, {.servername = std::string("a\0b", 3)}); }) ==
               "ERR_INVALID_ARG_VALUE");
}

BOOST_AUTO_TEST_CASE(bulk_output_lies_in_few_large_runs_that_can_be_moved_out)
{
    const std::size_t before = coil::internal::chunks_in_use();
    {
        engine_pair pair = plain_pair(protocol_version::tlsv1_3);
        BOOST_TEST_REQUIRE(pair.handshake());
        BOOST_TEST(coil::internal::chunks_in_use() == before);
        const std::string text = random_text(256 * 1024);
        BOOST_TEST(pair.client.write(text));
        coil::internal::chunk_queue moved = std::move(tls::internal::engine_access::output(pair.client.engine));
        BOOST_TEST(pair.client.engine.output_size() == 0u);
        BOOST_TEST(coil::internal::chunks_in_use() - before <= 5u);
        while (!moved.empty()) {
            pair.server.engine.feed(moved.front());
            moved.consume(moved.front().size());
            pair.server.step();
        }
        BOOST_TEST((pair.server.received == text));
    }
    BOOST_TEST(coil::internal::chunks_in_use() == before);
}

BOOST_AUTO_TEST_CASE(an_engine_can_be_moved_in_the_middle_of_a_handshake)
{
    engine_pair pair = plain_pair(protocol_version::tlsv1_3);
    pair.client.step();
    tls::engine elsewhere = std::move(pair.client.engine);
    pair.client.engine = std::move(elsewhere);
    BOOST_TEST(pair.handshake());
}

BOOST_AUTO_TEST_SUITE_END()
