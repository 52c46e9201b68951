// Keys that both sides have before they meet, without any I/O.
#include <coil/tls/psk.hpp>

#include <coil/tls/engine.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"
#include "tests/support/thrown_code.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace coil;
using boost::unit_test::label;
using test::engine_pair;
using tls::engine_options;
using tls::protocol_version;
using tls::psk_hash;
using tls::status;

namespace {

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

std::vector<std::byte> key_of(char of, std::size_t size = 32)
{
    return std::vector<std::byte>(size, static_cast<std::byte>(of));
}

/// Without certificates, unless `who` has some.
tls::secure_context with_keys(protocol_version version, const std::string& ciphers = {}, const test::identity* who = {})
{
    tls::secure_context_options options;
    options.ca = test::shared_credentials().root.certificate();
    if (who) {
        options.cert = who->cert;
        options.key = who->key;
    }
    options.ciphers = ciphers.empty() && version == protocol_version::tlsv1_2 ? "PSK+HIGH" : ciphers;
    options.min_version = version;
    options.max_version = version;
    return tls::create_secure_context(options);
}

using client_answer = std::function<std::optional<tls::psk_identity>(const tls::psk_request&)>;
using server_answer = std::function<std::optional<tls::psk_key>(const tls::psk_identity_request&)>;

std::function<void(tls::engine&)> answering(client_answer client, server_answer server)
{
    return [client = std::move(client), server = std::move(server)](tls::engine& asking) {
        try {
            if (const auto* request = std::get_if<tls::psk_request>(&asking.asked()))
                asking.answer(client(*request));
            else
                asking.answer(server(std::get<tls::psk_identity_request>(asking.asked())));
        } catch (...) {
            asking.fail(std::current_exception());
        }
    };
}

client_answer proposing(std::string identity, std::vector<std::byte> key, psk_hash hash = psk_hash::sha256)
{
    return [proposed = tls::psk_identity{hash, std::move(identity), std::move(key)}](const tls::psk_request&) {
        return std::optional(proposed);
    };
}

server_answer knowing(std::map<std::string, tls::psk_key> keys)
{
    return [keys = std::move(keys)](const tls::psk_identity_request& request) {
        const auto found = keys.find(request.identity);
        return found == keys.end() ? std::nullopt : std::optional(found->second);
    };
}

/// Both sides ask, and answer so.
engine_pair key_pair(const tls::secure_context& client, const tls::secure_context& server, client_answer proposed,
                     server_answer known, engine_options client_options = {}, engine_options server_options = {})
{
    client_options.ask.psk = server_options.ask.psk = true;
    engine_pair pair(client, std::move(client_options), server, std::move(server_options));
    pair.client.answer = pair.server.answer = answering(std::move(proposed), std::move(known));
    return pair;
}

std::string cipher_of(const test::engine_end& end)
{
    const auto cipher = end.engine.get_cipher();
    return cipher ? cipher->name : "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(psk_test)

BOOST_AUTO_TEST_CASE(a_key_authenticates_both_sides_without_certificates,
                     *label("PSK-02 PSK-04 PSK-05 PSK-07 PSK-13 PSK-14 PSK-15 PSK-19 BYD-17"))
{
    for (const protocol_version version : both_versions)
        for (const bool asked : {true, false}) {
            std::vector<std::optional<std::string>> hints;
            const client_answer propose = [&](const tls::psk_request& request) {
                hints.push_back(request.hint);
                return std::optional(tls::psk_identity{psk_hash::sha256, "Käthe", key_of('k')});
            };
            engine_pair pair =
                key_pair(with_keys(version), with_keys(version), propose, knowing({{"Käthe", key_of('k')}}),
                         {.host = "nobody.example"}, {.reject_unauthorized = true, .request_cert = asked});
            BOOST_TEST(pair.handshake());
            BOOST_TEST(pair.client.code() == "");
            BOOST_TEST(pair.server.code() == "");
            BOOST_TEST(hints.size() == 1u);
            BOOST_TEST(!hints.at(0).has_value());
            BOOST_TEST(pair.client.engine.authorized());
            BOOST_TEST(!pair.client.engine.authorization_error().has_value());
            BOOST_TEST(pair.server.engine.authorized() == asked);
            BOOST_TEST(!pair.server.engine.authorization_error().has_value());
            BOOST_TEST(!pair.client.engine.get_peer_certificate().has_value());
            BOOST_TEST(pair.client.engine.psk_identity().value() == "Käthe");
            BOOST_TEST(pair.server.engine.psk_identity().value() == "Käthe");
            BOOST_TEST(pair.client.engine.is_session_reused() == (version == protocol_version::tlsv1_3));
            BOOST_TEST(pair.client.write("by key"));
            pair.pump();
            BOOST_TEST(pair.server.received == "by key");
        }
}

BOOST_AUTO_TEST_CASE(keys_are_not_used_before_tls_1_3_unless_a_suite_says_so, *label("PSK-01"))
{
    const auto& who = test::shared_credentials().server;
    engine_pair pair = key_pair(with_keys(protocol_version::tlsv1_2, "DEFAULT:!PSK"),
                                with_keys(protocol_version::tlsv1_2, "DEFAULT:!PSK", &who), proposing("a", key_of('a')),
                                knowing({{"a", key_of('a')}}), {.servername = "localhost"});
    BOOST_TEST(pair.handshake());
    BOOST_TEST(!pair.client.engine.psk_identity().has_value());
    BOOST_TEST(pair.client.engine.get_peer_certificate().has_value());
}

BOOST_AUTO_TEST_CASE(keys_name_the_hash_of_the_suites_that_they_go_with, *label("BYD-11 PSK-02"))
{
    const std::pair<psk_hash, std::string> rows[] = {{psk_hash::sha256, "SHA256"}, {psk_hash::sha384, "SHA384"}};
    for (const auto& [hash, ends] : rows)
        for (const bool certificates : {false, true}) {
            const auto* who = certificates ? &test::shared_credentials().server : nullptr;
            engine_pair pair =
                key_pair(with_keys(protocol_version::tlsv1_3), with_keys(protocol_version::tlsv1_3, {}, who),
                         proposing("a", key_of('a', 48), hash), knowing({{"a", tls::psk_key(key_of('a', 48), hash)}}));
            BOOST_TEST(pair.handshake());
            BOOST_TEST(pair.client.engine.psk_identity().value_or("") == "a");
            BOOST_TEST(cipher_of(pair.client).ends_with(ends));
        }
    // Only a suite of the other hash on both sides: there is nothing that the key could be used with.
    const std::string other = "TLS_AES_256_GCM_SHA384";
    engine_pair none =
        key_pair(with_keys(protocol_version::tlsv1_3, other), with_keys(protocol_version::tlsv1_3, other),
                 proposing("a", key_of('a')), knowing({{"a", key_of('a')}}));
    BOOST_TEST(!none.handshake());
    BOOST_TEST(none.server.code() == "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM");
}

BOOST_AUTO_TEST_CASE(one_server_may_have_keys_and_certificates, *label("PSK-03 PSK-06 PSK-08"))
{
    const auto& who = test::shared_credentials().server;
    const std::string suites = "PSK+HIGH:ECDHE+AESGCM";
    const client_answer none = [](const tls::psk_request&) { return std::nullopt; };
    for (const protocol_version version : both_versions) {
        const bool old = version == protocol_version::tlsv1_2;
        const tls::secure_context both = with_keys(version, old ? suites : "", &who);
        engine_pair with_key = key_pair(with_keys(version), both, proposing("a", key_of('a')),
                                        knowing({{"a", key_of('a')}}), {.servername = "localhost"});
        BOOST_TEST(with_key.handshake());
        BOOST_TEST(with_key.client.engine.psk_identity().has_value());
        const tls::secure_context certified = with_keys(version, old ? "ECDHE+AESGCM" : "");
        engine_pair without =
            key_pair(certified, both, none, knowing({{"a", key_of('a')}}), {.servername = "localhost"});
        BOOST_TEST(without.handshake());
        BOOST_TEST(!without.client.engine.psk_identity().has_value());
        BOOST_TEST(without.client.engine.get_peer_certificate().has_value());
    }
    // In 1.3 a name that the server does not know leaves the certificate.
    engine_pair unknown =
        key_pair(with_keys(protocol_version::tlsv1_3), with_keys(protocol_version::tlsv1_3, "", &who),
                 proposing("b", key_of('b')), knowing({{"a", key_of('a')}}), {.servername = "localhost"});
    BOOST_TEST(unknown.handshake());
    BOOST_TEST(unknown.client.engine.get_peer_certificate().has_value());
    BOOST_TEST(!unknown.server.engine.psk_identity().has_value());
}

BOOST_AUTO_TEST_CASE(who_has_no_key_ends_the_handshake, *label("PSK-06 PSK-08"))
{
    const client_answer none = [](const tls::psk_request&) { return std::nullopt; };
    const tls::secure_context old = with_keys(protocol_version::tlsv1_2);
    engine_pair no_key = key_pair(old, old, none, knowing({}));
    BOOST_TEST(!no_key.handshake());
    BOOST_TEST(no_key.client.code() == "ERR_SSL_PSK_IDENTITY_NOT_FOUND");
    BOOST_TEST(no_key.server.code() == "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE");

    engine_pair unknown = key_pair(old, old, proposing("b", key_of('b')), knowing({{"a", key_of('a')}}));
    BOOST_TEST(!unknown.handshake());
    BOOST_TEST(unknown.server.code() == "ERR_SSL_PSK_IDENTITY_NOT_FOUND");
    BOOST_TEST(unknown.client.code() == "ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY");

    const tls::secure_context now = with_keys(protocol_version::tlsv1_3);
    engine_pair unknown_now = key_pair(now, now, proposing("b", key_of('b')), knowing({{"a", key_of('a')}}));
    BOOST_TEST(!unknown_now.handshake());
    BOOST_TEST(unknown_now.client.code() == "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE");
}

BOOST_AUTO_TEST_CASE(a_random_key_hides_which_names_there_are, *label("PSK-09"))
{
    const std::tuple<protocol_version, std::string, std::string> rows[] = {
        {protocol_version::tlsv1_2, "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
         "ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC"},
        {protocol_version::tlsv1_3, "ERR_SSL_BINDER_DOES_NOT_VERIFY", "ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER"},
    };
    for (const auto& [version, server_code, client_code] : rows)
        for (const server_answer& known : {server_answer([](const tls::psk_identity_request&) {
                                               return std::optional<tls::psk_key>(tls::random_psk());
                                           }),
                                           knowing({{"a", key_of('w')}})}) {  // a wrong key looks the same
            const tls::secure_context context = with_keys(version);
            engine_pair pair = key_pair(context, context, proposing("a", key_of('a')), known);
            BOOST_TEST(!pair.handshake());
            BOOST_TEST(pair.server.code() == server_code);
            BOOST_TEST(pair.client.code() == client_code);
        }
    BOOST_TEST(tls::random_psk().size() == 32u);
    BOOST_TEST((tls::random_psk(64) != tls::random_psk(64)));
    BOOST_TEST(test::thrown_code([] { static_cast<void>(tls::random_psk(0)); }) == "ERR_OUT_OF_RANGE");
    BOOST_TEST(test::thrown_code([] { static_cast<void>(tls::random_psk(513)); }) == "ERR_OUT_OF_RANGE");
}

BOOST_AUTO_TEST_CASE(names_and_keys_have_the_lengths_that_openssl_allows, *label("PSK-10 PSK-11"))
{
    for (const protocol_version version : both_versions) {
        const tls::secure_context context = with_keys(version);
        const std::string longest(256, 'n');
        engine_pair most =
            key_pair(context, context, proposing(longest, key_of('a', 512)), knowing({{longest, key_of('a', 512)}}));
        BOOST_TEST(most.handshake());
        BOOST_TEST(most.server.engine.psk_identity().value_or("") == longest);

        const std::pair<std::string, std::size_t> refused[] = {
            {std::string(257, 'n'), 32}, {"", 32}, {"a", 513}, {"a", 0}, {std::string("a\0b", 3), 32}, {"\xff", 32}};
        for (const auto& [identity, size] : refused) {
            engine_pair pair = key_pair(context, context, proposing(identity, key_of('a', size)), knowing({}));
            BOOST_TEST(!pair.handshake());
            BOOST_TEST(pair.client.code() == "ERR_TLS_HANDLER_FAILED");
            BOOST_TEST(test::thrown_code([&] { std::rethrow_exception(pair.client.engine.error_info().exception); }) ==
                       "ERR_INVALID_ARG_VALUE");
        }
        for (const std::size_t size : {std::size_t{0}, std::size_t{513}}) {
            engine_pair pair =
                key_pair(context, context, proposing("a", key_of('a')), knowing({{"a", key_of('a', size)}}));
            BOOST_TEST(!pair.handshake());
            BOOST_TEST(test::thrown_code([&] { std::rethrow_exception(pair.server.engine.error_info().exception); }) ==
                       "ERR_INVALID_ARG_VALUE");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_hint_is_told_before_tls_1_3, *label("PSK-12 PSK-04"))
{
    const engine_options hinting{.psk_identity_hint = "which"};
    for (const protocol_version version : both_versions) {
        std::vector<std::optional<std::string>> hints;
        const client_answer propose = [&](const tls::psk_request& request) {
            hints.push_back(request.hint);
            return std::optional(tls::psk_identity{psk_hash::sha256, "a", key_of('a')});
        };
        const tls::secure_context context = with_keys(version);
        engine_pair pair = key_pair(context, context, propose, knowing({{"a", key_of('a')}}), {}, hinting);
        BOOST_TEST(pair.handshake());
        BOOST_TEST_REQUIRE(hints.size() == 1u);
        BOOST_TEST(hints[0].value_or("none") == (version == protocol_version::tlsv1_2 ? "which" : "none"));
    }
    // A client that has both versions is asked before the server's is known, and again where that is the older.
    tls::secure_context_options either{.ciphers = "TLS_AES_128_GCM_SHA256:PSK+HIGH", .min_version = both_versions[0]};
    std::vector<std::string> hints;
    const client_answer propose = [&](const tls::psk_request& request) {
        hints.push_back(request.hint.value_or("none"));
        return std::optional(tls::psk_identity{psk_hash::sha256, "a", key_of('a')});
    };
    engine_pair pair = key_pair(tls::create_secure_context(either), with_keys(protocol_version::tlsv1_2), propose,
                                knowing({{"a", key_of('a')}}), {}, hinting);
    BOOST_TEST(pair.handshake());
    BOOST_TEST((hints == std::vector<std::string>{"none", "which"}));

    const auto server_with = [](std::string hint) {
        tls::engine made(with_keys(protocol_version::tlsv1_3), tls::role::server,
                         {.ask = {.psk = true}, .psk_identity_hint = std::move(hint)});
    };
    BOOST_TEST(test::thrown_code([&] { server_with(std::string(257, 'h')); }) == "ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED");
    BOOST_TEST(test::thrown_code([&] { server_with(std::string(256, 'h')); }) == "none");
    BOOST_TEST(test::thrown_code([&] { server_with(std::string("a\0b", 3)); }) == "ERR_INVALID_ARG_VALUE");
}

BOOST_AUTO_TEST_CASE(an_exception_in_place_of_an_answer_ends_that_handshake, *label("PSK-16"))
{
    const client_answer no_client = [](const tls::psk_request&) -> std::optional<tls::psk_identity> {
        throw std::runtime_error("client");
    };
    const server_answer no_server = [](const tls::psk_identity_request&) -> std::optional<tls::psk_key> {
        throw std::runtime_error("server");
    };
    for (const protocol_version version : both_versions) {
        const tls::secure_context context = with_keys(version);
        engine_pair client = key_pair(context, context, no_client, knowing({}));
        BOOST_TEST(!client.handshake());
        BOOST_CHECK_THROW(std::rethrow_exception(client.client.engine.error_info().exception), std::runtime_error);
        engine_pair server = key_pair(context, context, proposing("a", key_of('a')), no_server);
        BOOST_TEST(!server.handshake());
        BOOST_CHECK_THROW(std::rethrow_exception(server.server.engine.error_info().exception), std::runtime_error);
        BOOST_TEST(!server.client.engine.handshake_done());
    }
}

BOOST_AUTO_TEST_CASE(a_hello_retry_request_asks_about_keys_once, *label("PSK-04 PSK-07"))
{
    const auto context = [](const char* groups) {
        return tls::create_secure_context({.ecdh_curve = groups, .min_version = protocol_version::tlsv1_3});
    };
    int asked_client = 0;
    int asked_server = 0;
    const client_answer propose = [&](const tls::psk_request&) {
        ++asked_client;
        return std::optional(tls::psk_identity{psk_hash::sha384, "a", key_of('a')});
    };
    const server_answer know = [&](const tls::psk_identity_request&) {
        ++asked_server;
        return std::optional(tls::psk_key(key_of('a'), psk_hash::sha384));
    };
    engine_pair pair = key_pair(context("P-384:P-256"), context("P-256"), propose, know);
    BOOST_TEST(pair.handshake());
    BOOST_TEST(asked_client == 1);
    BOOST_TEST(asked_server == 1);
    BOOST_TEST(pair.server.engine.psk_identity().value_or("") == "a");
}

BOOST_AUTO_TEST_SUITE_END()
