// How far an answer reaches: which parts of a chosen context count, and what a second handshake or ClientHello changes.
#include <coil/tls/question.hpp>

#include <coil/tls/engine.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"
#include "tests/support/openssl_end.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace coil;
using boost::unit_test::label;
using test::engine_end;
using test::openssl_end;
using tls::engine_options;
using tls::protocol_version;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

tls::secure_context server_context(tls::secure_context_options options = {})
{
    options.ca = all().root.certificate();
    options.cert = all().server.cert;
    options.key = all().server.key;
    return tls::create_secure_context(options);
}

/// A server with a context of `own`, which it leaves for one of `named` when it is asked.
engine_end renaming_server(tls::secure_context_options own, tls::secure_context_options named)
{
    engine_end server{tls::engine(server_context(std::move(own)), tls::role::server, {.ask = {.client_hello = true}})};
    server.answer = test::by_name(
        [chosen = server_context(std::move(named))](const std::string&) -> tls::sni_answer { return chosen; });
    return server;
}

openssl_end client_of_this_host(int version, const test::identity* who = nullptr)
{
    openssl_end client(tls::role::client, version, who);
    SSL_set_tlsext_host_name(client.ssl(), "localhost");
    return client;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(question_answers_test)

BOOST_AUTO_TEST_CASE(the_oldest_version_is_that_of_the_context_that_was_chosen, *label("SNI-13 BYD-19"))
{
    for (const bool named_is_strict : {false, true}) {
        const tls::secure_context_options strict{.min_version = protocol_version::tlsv1_3};
        engine_end server = named_is_strict ? renaming_server({}, strict) : renaming_server(strict, {});
        openssl_end client = client_of_this_host(TLS1_2_VERSION);
        client.talk(server);
        BOOST_TEST(server.engine.handshake_done() == !named_is_strict);
        BOOST_TEST(server.code() == (named_is_strict ? "ERR_SSL_UNSUPPORTED_PROTOCOL" : ""));
    }
}

BOOST_AUTO_TEST_CASE(the_cipher_is_preferred_by_whom_the_context_that_was_chosen_says, *label("SNI-13 BYD-19"))
{
    const std::string strong = "ECDHE-ECDSA-AES256-GCM-SHA384", quick = "ECDHE-ECDSA-AES128-GCM-SHA256";
    for (const bool server_prefers : {false, true}) {
        tls::secure_context_options own, named{.ciphers = strong + ":" + quick};
        (server_prefers ? own : named).honor_cipher_order = false;  // the other has the default
        engine_end server = renaming_server(own, named);
        openssl_end client = client_of_this_host(TLS1_2_VERSION);
        BOOST_TEST_REQUIRE(SSL_set_cipher_list(client.ssl(), (quick + ":" + strong).c_str()) == 1);
        client.talk(server);
        BOOST_TEST_REQUIRE(server.engine.handshake_done());
        BOOST_TEST(std::string(SSL_get_cipher(client.ssl())) == (server_prefers ? strong : quick));
    }
}

BOOST_AUTO_TEST_CASE(options_of_the_context_before_do_not_outlive_a_choice, *label("SNI-13 BYD-19"))
{
    for (const bool named_forbids : {false, true}) {
        const tls::secure_context_options without{.secure_options = SSL_OP_NO_TLSv1_2};
        engine_end server = named_forbids ? renaming_server({}, without) : renaming_server(without, {});
        openssl_end client = client_of_this_host(TLS1_2_VERSION);
        client.talk(server);
        BOOST_TEST(server.engine.handshake_done() == !named_forbids);
    }
}

BOOST_AUTO_TEST_CASE(tickets_are_as_many_as_the_context_that_was_chosen_says, *label("SNI-13 BYD-19"))
{
    for (const unsigned named : {0U, 1U}) {
        engine_end server = renaming_server({.session_tickets = 1 - named}, {.session_tickets = named});
        openssl_end client = client_of_this_host(TLS1_3_VERSION);
        client.talk(server);
        BOOST_TEST_REQUIRE(server.engine.handshake_done());
        BOOST_TEST(SSL_SESSION_is_resumable(SSL_get0_session(client.ssl())) == static_cast<int>(named));
    }
}

BOOST_AUTO_TEST_CASE(a_client_that_says_hello_again_must_not_name_another, *label("SNI-06"))
{
    for (const std::string name : {"localhost", "b.example.com"}) {
        engine_end server = renaming_server({}, {.ecdh_curve = "P-384"});
        openssl_end client = client_of_this_host(TLS1_3_VERSION);
        BOOST_TEST_REQUIRE(SSL_set1_groups_list(client.ssl(), "X25519:P-384") == 1);
        client.step();
        server.engine.feed(test::as_bytes(client.output()));
        server.step();
        BOOST_TEST(!server.engine.handshake_done());
        SSL_set_tlsext_host_name(client.ssl(), name.c_str());
        client.feed(test::take_output(server.engine));
        client.talk(server);
        BOOST_TEST(server.engine.handshake_done() == (name == "localhost"));
        if (name != "localhost")
            BOOST_TEST(int{server.engine.error_info().alert.value_or(0)} == SSL_AD_ILLEGAL_PARAMETER);
    }
}

BOOST_AUTO_TEST_CASE(a_renegotiation_for_another_name_changes_nothing, *label("SNI-06"))
{
    int asked = 0;
    engine_end server{tls::engine(server_context(), tls::role::server, {.ask = {.client_hello = true}})};
    server.answer = [&](tls::engine& asking) {
        ++asked;
        asking.answer(tls::sni_answer());
    };
    openssl_end client = client_of_this_host(TLS1_2_VERSION);
    client.talk(server);
    BOOST_TEST_REQUIRE(server.engine.handshake_done());
    const auto finished = server.engine.get_finished();
    SSL_set_tlsext_host_name(client.ssl(), "b.example.com");
    SSL_renegotiate(client.ssl());
    client.talk(server);
    BOOST_TEST(server.code() == "");
    BOOST_TEST(asked == 1);
    BOOST_TEST((server.engine.get_finished() != finished));
    BOOST_TEST(server.engine.servername().value_or("") == "localhost");
}

BOOST_AUTO_TEST_CASE(a_refusal_tells_what_the_program_objects_to_and_not_what_was_found_before, *label("BYD-06"))
{
    engine_end server{
        tls::engine(server_context(), tls::role::server, {.ask = {.peer_verification = true}, .request_cert = true})};
    server.answer = [](tls::engine& asking) {
        BOOST_TEST(std::get<tls::peer_verification>(asking.asked()).error.value() != 0);
        asking.answer(tls::verdict::refuse("ERR_PIN", "not pinned"));
    };
    openssl_end client = client_of_this_host(TLS1_2_VERSION, &all().foreign_client);
    client.talk(server);
    const tls::error_info& info = server.engine.error_info();
    BOOST_TEST(info.code == "ERR_PIN");
    BOOST_TEST(info.message == "not pinned");
    BOOST_TEST(info.verify_result == 0);
    BOOST_TEST(info.verify_depth == -1);
}

BOOST_AUTO_TEST_CASE(an_objection_holds_for_one_handshake, *label("BYD-06"))
{
    const engine_options options{
        .ask = {.peer_verification = true}, .reject_unauthorized = false, .request_cert = true};
    engine_end server{tls::engine(server_context(), tls::role::server, options)};
    std::vector<bool> found_fault;
    server.answer = [&](tls::engine& asking) {
        const auto& found = std::get<tls::peer_verification>(asking.asked());
        found_fault.push_back(!found.verified());
        asking.answer(found_fault.size() == 1 ? tls::verdict::refuse("ERR_PIN", "not yet") : tls::verdict::unchanged());
    };
    openssl_end client = client_of_this_host(TLS1_2_VERSION, &all().client);
    client.talk(server);
    BOOST_TEST_REQUIRE(server.engine.handshake_done());
    BOOST_TEST(server.engine.authorization_error().value_or("") == "ERR_PIN");
    SSL_renegotiate(client.ssl());
    client.talk(server);
    BOOST_TEST(server.code() == "");
    BOOST_TEST(found_fault == (std::vector<bool>{false, false}), boost::test_tools::per_element());
    BOOST_TEST(server.engine.authorized());
    BOOST_TEST(!server.engine.authorization_error());
}

BOOST_AUTO_TEST_SUITE_END()
