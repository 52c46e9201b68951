// What a handshake asks, without any I/O: what can be seen, what can be answered, and that nothing else happens meanwhile.
#include <coil/tls/question.hpp>

#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/tls/engine.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"
#include "tests/support/openssl_end.hpp"
#include "tests/support/thrown_code.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace coil;
using boost::unit_test::label;
using test::engine_pair;
using tls::engine_options;
using tls::protocol_version;
using tls::status;

namespace {

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

const test::credentials& all()
{
    return test::shared_credentials();
}

tls::secure_context serving(const test::identity& who, protocol_version version = protocol_version::tlsv1_3)
{
    return tls::create_secure_context({.ca = all().root.certificate(),
                                       .cert = who.cert,
                                       .key = who.key,
                                       .max_version = version,
                                       .min_version = protocol_version::tlsv1_2});
}

tls::secure_context trusting(const std::string& root = all().root.certificate())
{
    return tls::create_secure_context({.ca = root, .cert = all().client.cert, .key = all().client.key});
}

const engine_options everything_asked_of_a_server{
    .ask = {.alpn = true, .client_hello = true, .peer_verification = true}, .request_cert = true};
const engine_options everything_asked_of_a_client{.alpn_protocols = {"h2", "http/1.1"},
                                                  .ask = {.peer_verification = true, .server_identity = true},
                                                  .servername = "localhost"};

std::string kind_of(const tls::engine& asking)
{
    static const char* const kinds[] = {"", "client_hello", "alpn", "server_identity", "peer_verification"};
    return kinds[asking.asked().index()];
}

void answer_well(tls::engine& asking)
{
    switch (asking.asked().index()) {
    case 1: asking.answer(tls::sni_answer()); break;
    case 2: asking.answer(tls::alpn_answer("h2")); break;
    case 3: asking.answer(std::optional<tls::identity_error>()); break;
    case 4: asking.answer(tls::verdict::unchanged()); break;
    default: BOOST_ERROR("nothing was asked");
    }
}

engine_pair asking_pair(protocol_version version)
{
    return engine_pair(trusting(), everything_asked_of_a_client, serving(all().server, version),
                       everything_asked_of_a_server);
}

/// Goes on until the question with this number is open. @return who asks it; null where there is none.
tls::engine* come_to_question(engine_pair& pair, int number)
{
    int asked = 0;
    for (int round = 0; round < 20; ++round)
        for (test::engine_end* end : {&pair.client, &pair.server}) {
            end->step();
            for (; end->status == status::want_answer; end->step()) {
                if (asked++ == number)
                    return &end->engine;
                answer_well(end->engine);
            }
            test::engine_end& other = end == &pair.client ? pair.server : pair.client;
            other.engine.feed(test::as_bytes(test::take_output(end->engine)));
        }
    return nullptr;
}

std::size_t stacks_in_use()
{
    return coil::internal::fiber_stack_pool::of_thread().in_use();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(question_test)

BOOST_AUTO_TEST_CASE(a_client_hello_tells_all_that_a_client_offers, *label("SNI-12 BYD-19"))
{
    engine_pair pair(tls::create_secure_context({.ca = all().root.certificate(),
                                                 .ciphers = "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
                                                 .ecdh_curve = "P-384:X25519",
                                                 .sigalgs = "ECDSA+SHA256:RSA-PSS+SHA256"}),
                     {.alpn_protocols = {"h2", "x"}, .servername = "localhost"}, serving(all().server),
                     {.ask = {.client_hello = true}});
    BOOST_TEST(!pair.handshake());
    BOOST_TEST((pair.server.status == status::want_answer));
    const auto hello = std::get<tls::client_hello>(pair.server.engine.asked());
    BOOST_TEST(hello.servername == "localhost");
    BOOST_TEST(hello.alpn_protocols == (std::vector<std::string>{"h2", "x"}), boost::test_tools::per_element());
    const std::vector<std::uint16_t> suites{0x1301, 0xc02c};
    BOOST_TEST_REQUIRE(hello.cipher_suites.size() >= suites.size());
    BOOST_TEST(std::equal(suites.begin(), suites.end(), hello.cipher_suites.begin()));
    BOOST_TEST(hello.groups == (std::vector<std::uint16_t>{24, 29}), boost::test_tools::per_element());
    BOOST_TEST(hello.signature_algorithms == (std::vector<std::uint16_t>{0x0403, 0x0804}),
               boost::test_tools::per_element());
    BOOST_TEST(hello.versions == (std::vector<std::uint16_t>{0x0304, 0x0303}), boost::test_tools::per_element());
    pair.server.engine.answer(tls::sni_answer());
    pair.server.step();
    BOOST_TEST(pair.handshake());
}

BOOST_AUTO_TEST_CASE(a_client_without_extensions_names_nothing_but_its_version)
{
    test::engine_end server{tls::engine(serving(all().server), tls::role::server, {.ask = {.client_hello = true}})};
    test::openssl_end client(tls::role::client, TLS1_2_VERSION);
    client.step();
    server.engine.feed(test::as_bytes(client.output()));
    server.step();
    BOOST_TEST_REQUIRE((server.status == status::want_answer));
    const auto& hello = std::get<tls::client_hello>(server.engine.asked());
    BOOST_TEST(hello.servername == "");
    BOOST_TEST(hello.alpn_protocols.empty());
    BOOST_TEST(hello.versions == (std::vector<std::uint16_t>{0x0303}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_handshake_asks_in_order_each_question_once)
{
    for (const protocol_version version : both_versions) {
        engine_pair pair = asking_pair(version);
        std::vector<std::string> asked;
        const auto note = [&](tls::engine& asking) {
            asked.push_back(kind_of(asking));
            BOOST_TEST((asking.handshake() == status::want_answer));
            answer_well(asking);
            BOOST_TEST(kind_of(asking) == "");
        };
        pair.client.answer = note;
        pair.server.answer = note;
        BOOST_TEST_REQUIRE(pair.handshake());
        const std::vector<std::string> order{"client_hello", "alpn", "server_identity", "peer_verification",
                                             "peer_verification"};
        BOOST_TEST(asked == order, boost::test_tools::per_element());
        BOOST_TEST(pair.client.engine.alpn_protocol().value_or("") == "h2");
        BOOST_TEST(pair.client.engine.authorized());
        BOOST_TEST(pair.server.engine.authorized());
        BOOST_TEST(pair.client.write("request"));
        pair.pump();
        BOOST_TEST(pair.server.received == "request");
    }
    BOOST_TEST(stacks_in_use() == 0U);
}

BOOST_AUTO_TEST_CASE(answers_are_kept_when_a_client_has_to_say_hello_again)
{
    const tls::secure_context pinned =
        tls::create_secure_context({.cert = all().server.cert, .ecdh_curve = "P-384", .key = all().server.key});
    engine_pair pair(tls::create_secure_context({.ca = all().root.certificate(), .ecdh_curve = "X25519:P-384"}),
                     everything_asked_of_a_client, pinned, {.ask = {.alpn = true, .client_hello = true}});
    int asked = 0;
    pair.client.answer = answer_well;
    pair.server.answer = [&](tls::engine& asking) {
        ++asked;
        answer_well(asking);
    };
    BOOST_TEST(pair.handshake());
    BOOST_TEST(asked == 2);
    BOOST_TEST(pair.client.engine.alpn_protocol().value_or("") == "h2");
}

BOOST_AUTO_TEST_CASE(nothing_reaches_openssl_or_the_wire_while_a_question_is_open, *label("F-30"))
{
    for (const protocol_version version : both_versions)
        for (int number = 0; number < 5; ++number) {
            engine_pair pair = asking_pair(version);
            tls::engine* const asking = come_to_question(pair, number);
            BOOST_TEST_REQUIRE(asking != nullptr);
            const std::string before = kind_of(*asking);
            test::take_output(*asking);
            std::array<std::byte, 64> buffer;
            BOOST_TEST((asking->handshake() == status::want_answer));
            BOOST_TEST((asking->read(buffer).status == status::want_answer));
            BOOST_TEST((asking->write(test::as_bytes("SECRET")).status == status::want_answer));
            BOOST_TEST((asking->shutdown() == status::want_answer));
            BOOST_TEST(asking->output_size() == 0U);
            BOOST_TEST(kind_of(*asking) == before);
            BOOST_TEST(ERR_peek_error() == 0U);
            // Getters have nothing to tell yet, and disturb nothing.
            static_cast<void>(asking->authorized());
            static_cast<void>(asking->authorization_error());
            BOOST_TEST(!asking->alpn_protocol());
            static_cast<void>(asking->servername());
            BOOST_TEST(asking->get_protocol().value_or("") == "unknown");
            BOOST_TEST(!asking->get_cipher());
            static_cast<void>(asking->get_peer_certificate(true));
            static_cast<void>(asking->get_certificate());
            static_cast<void>(asking->get_finished());
            static_cast<void>(asking->get_peer_finished());
            BOOST_CHECK_THROW(asking->export_keying_material(8, "label"), tls::error);
            BOOST_TEST(!asking->pending());
            for (test::engine_end* end : {&pair.client, &pair.server})
                end->answer = answer_well;
            answer_well(*asking);
            for (test::engine_end* end : {&pair.server, &pair.client})
                end->step();
            pair.pump();
            BOOST_TEST(pair.client.engine.handshake_done());
            BOOST_TEST(pair.server.engine.handshake_done());
            BOOST_TEST(pair.client.write("data"));
            pair.pump();
            BOOST_TEST(pair.server.received == "data");
        }
    BOOST_TEST(stacks_in_use() == 0U);
}

BOOST_AUTO_TEST_CASE(an_engine_may_go_wherever_it_waits)
{
    for (const protocol_version version : both_versions)
        for (int number = 0; number < 5; ++number) {
            for (const bool moved : {false, true}) {
                engine_pair pair = asking_pair(version);
                tls::engine* const asking = come_to_question(pair, number);
                BOOST_TEST_REQUIRE(asking != nullptr);
                BOOST_TEST(stacks_in_use() == 1U);
                if (moved) {
                    tls::engine elsewhere = std::move(*asking);
                    BOOST_TEST((elsewhere.handshake() == status::want_answer));
                } else {
                    *asking = tls::engine(trusting(), tls::role::client, {.servername = "localhost"});
                }
                BOOST_TEST(stacks_in_use() == 0U);
                BOOST_TEST(ERR_peek_error() == 0U);
            }
        }
}

BOOST_AUTO_TEST_CASE(a_refusal_holds_whatever_is_asked_and_whatever_openssl_makes_of_it)
{
    for (const protocol_version version : both_versions)
        for (int number = 0; number < 5; ++number)
            for (const bool thrown : {false, true}) {
                engine_pair pair = asking_pair(version);
                tls::engine* const asking = come_to_question(pair, number);
                BOOST_TEST_REQUIRE(asking != nullptr);
                const std::string kind = kind_of(*asking);
                if (thrown)
                    asking->fail(std::make_exception_ptr(std::runtime_error("no")));
                else
                    asking->refuse();
                BOOST_TEST(kind_of(*asking) == "");
                BOOST_TEST((asking->handshake() == status::error));
                const tls::error_info& info = asking->error_info();
                BOOST_TEST(info.code == (thrown ? "ERR_TLS_HANDLER_FAILED" : "ERR_TLS_HANDSHAKE_REFUSED"));
                BOOST_TEST((info.exception != nullptr) == thrown);
                BOOST_TEST((info.alert_direction == tls::alert_direction::sent), kind);
                if (!thrown) {
                    const int expected = kind == "client_hello" ? 112 : kind == "alpn" ? 120 : 40;
                    BOOST_TEST(int{info.alert.value_or(0)} == expected, kind);
                }
                BOOST_TEST(asking->output_size() > 0U);
                std::array<std::byte, 64> buffer;
                BOOST_TEST((asking->read(buffer).status == status::error));
                BOOST_TEST((asking->write(test::as_bytes("SECRET")).status == status::error));
                BOOST_TEST(stacks_in_use() == 0U);
            }
}

BOOST_AUTO_TEST_CASE(an_answer_to_what_was_not_asked_is_a_mistake)
{
    engine_pair pair = asking_pair(protocol_version::tlsv1_3);
    const auto is_mistake = [](auto make) { return test::thrown_code(make) == "ERR_TLS_INVALID_STATE"; };
    BOOST_TEST(is_mistake([&] { pair.server.engine.answer(tls::sni_answer()); }));
    BOOST_TEST(is_mistake([&] { pair.server.engine.refuse(); }));
    BOOST_TEST(is_mistake([&] { pair.server.engine.fail(nullptr); }));
    tls::engine* const asking = come_to_question(pair, 0);
    BOOST_TEST_REQUIRE(asking != nullptr);
    BOOST_TEST(is_mistake([&] { asking->answer(tls::alpn_answer("h2")); }));
    BOOST_TEST(is_mistake([&] { asking->answer(tls::verdict::accept()); }));
    asking->answer(tls::sni_answer());
    BOOST_TEST(is_mistake([&] { asking->answer(tls::sni_answer()); }));
}

BOOST_AUTO_TEST_CASE(the_end_of_the_transport_ends_a_handshake_that_waits_with_nothing_left_to_read)
{
    for (int number = 0; number < 2; ++number) {
        engine_pair pair = asking_pair(protocol_version::tlsv1_3);
        tls::engine* const asking = come_to_question(pair, number);
        BOOST_TEST_REQUIRE(asking != nullptr);
        asking->end_of_input();
        BOOST_TEST(kind_of(*asking) == "");
        BOOST_TEST((asking->handshake() == status::error));
        BOOST_TEST(asking->error_info().code == "ECONNRESET");
        BOOST_TEST(asking->error_info().message == "socket hang up");
    }
    // A client's last flight may be there, and its end behind it.
    engine_pair whole = asking_pair(protocol_version::tlsv1_3);
    whole.client.answer = answer_well;
    tls::engine* const asking = come_to_question(whole, 2);
    BOOST_TEST_REQUIRE(asking != nullptr);
    BOOST_TEST(kind_of(*asking) == "peer_verification");
    asking->end_of_input();
    BOOST_TEST(kind_of(*asking) == "peer_verification");
    answer_well(*asking);
    BOOST_TEST((asking->handshake() == status::done));
}

BOOST_AUTO_TEST_CASE(an_answer_to_a_client_hello_replaces_everything, *label("SNI-13 BYD-19"))
{
    for (const protocol_version version : both_versions) {
        const tls::secure_context named = tls::create_secure_context({.ca = all().root.certificate(),
                                                                      .cert = all().server_b.cert,
                                                                      .key = all().server_b.key,
                                                                      .max_version = version});
        engine_pair pair(trusting(all().root.certificate() + all().other_root.certificate()),
                         {.alpn_protocols = {"a", "b"}, .servername = "b.example.com"}, serving(all().server),
                         {.alpn_protocols = {"a"}, .ask = {.client_hello = true}});
        pair.server.answer = [&](tls::engine& asking) {
            asking.answer(tls::sni_settings{
                .alpn_protocols = tls::alpn_protocol_list{"b"}, .request_cert = true, .secure_context = named});
        };
        BOOST_TEST_REQUIRE(pair.handshake());
        BOOST_TEST(pair.client.engine.get_protocol().value() == tls::to_string(version));
        BOOST_TEST(pair.client.engine.alpn_protocol().value_or("") == "b");
        BOOST_TEST(pair.client.engine.get_peer_certificate()->subject->get("CN").value() == "b.example.com");
        BOOST_TEST(pair.server.engine.authorized());
        BOOST_TEST(pair.server.engine.get_peer_certificate().has_value());
    }
    // Without a context of its own the server's counts, and an empty list agrees on nothing.
    engine_pair mild(trusting(), {.alpn_protocols = {"a"}, .servername = "localhost"}, serving(all().server),
                     {.alpn_protocols = {"a"}, .ask = {.client_hello = true}, .request_cert = true});
    mild.server.answer = [](tls::engine& asking) {
        asking.answer(tls::sni_settings{.alpn_protocols = tls::alpn_protocol_list(), .request_cert = false});
    };
    BOOST_TEST_REQUIRE(mild.handshake());
    BOOST_TEST(!mild.client.engine.alpn_protocol());
    BOOST_TEST(!mild.server.engine.get_peer_certificate());
    // A policy may let in who the server's own would refuse.
    engine_pair lenient(tls::create_secure_context({.ca = all().root.certificate()}), {.servername = "localhost"},
                        serving(all().server), {.ask = {.client_hello = true}, .request_cert = true});
    lenient.server.answer = [](tls::engine& asking) { asking.answer(tls::sni_settings{.reject_unauthorized = false}); };
    BOOST_TEST(lenient.handshake());
    BOOST_TEST(!lenient.server.engine.authorized());
}

BOOST_AUTO_TEST_CASE(a_protocol_is_chosen_among_those_offered, *label("ALPN-08 BYD-28"))
{
    struct {
        tls::alpn_answer answer;
        std::string chosen;
        std::string code;
    } const cases[] = {
        {"http/1.1", "http/1.1", ""},
        {std::nullopt, "", "ERR_SSL_NO_APPLICATION_PROTOCOL"},
        {std::optional<std::string>(), "", "ERR_SSL_NO_APPLICATION_PROTOCOL"},
        {std::string("gopher"), "", "ERR_TLS_ALPN_CALLBACK_INVALID_RESULT"},
    };
    for (const protocol_version version : both_versions)
        for (const auto& one : cases) {
            engine_pair pair(trusting(), {.alpn_protocols = {"h2", "http/1.1"}, .servername = "localhost"},
                             serving(all().server, version), {.ask = {.alpn = true}});
            pair.server.answer = [&](tls::engine& asking) {
                const auto& request = std::get<tls::alpn_request>(asking.asked());
                BOOST_TEST(request.servername == "localhost");
                BOOST_TEST(request.protocols == (std::vector<std::string>{"h2", "http/1.1"}),
                           boost::test_tools::per_element());
                asking.answer(one.answer);
            };
            BOOST_TEST(pair.handshake() == one.code.empty());
            BOOST_TEST(pair.server.code() == one.code);
            BOOST_TEST(pair.client.engine.alpn_protocol().value_or("") == one.chosen);
            BOOST_TEST(pair.server.engine.alpn_protocol().value_or("") == one.chosen);
            if (!one.code.empty())
                BOOST_TEST(pair.client.code() != "");
        }
    // A client that offers nothing is not asked about.
    engine_pair none(trusting(), {.servername = "localhost"}, serving(all().server), {.ask = {.alpn = true}});
    BOOST_TEST(none.handshake());
    BOOST_TEST(!none.client.engine.alpn_protocol());
}

BOOST_AUTO_TEST_CASE(certificates_can_be_chosen_by_protocol, *label("SOCK-44 ALPN-08"))
{
    for (const protocol_version version : both_versions)
        for (const bool by_call : {false, true}) {
            const tls::secure_context other = serving(all().server_rsa);
            engine_pair pair(trusting(), {.alpn_protocols = {"acme-tls/1"}, .servername = "localhost"},
                             serving(all().server, version), {.ask = {.alpn = true}});
            pair.server.answer = [&](tls::engine& asking) {
                if (!by_call) {
                    asking.answer(tls::alpn_settings{.key_cert = other, .protocol = "acme-tls/1"});
                    return;
                }
                asking.set_key_cert(other);
                asking.answer(tls::alpn_answer("acme-tls/1"));
            };
            BOOST_TEST_REQUIRE(pair.handshake());
            BOOST_TEST(pair.client.engine.get_peer_certificate()->modulus.has_value());
            BOOST_TEST(pair.server.engine.get_certificate()->modulus.has_value());
            BOOST_TEST(test::thrown_code([&] { pair.server.engine.set_key_cert(other); }) == "ERR_TLS_INVALID_STATE");
        }
    // OpenSSL has chosen when the client's certificate is asked about.
    engine_pair late = asking_pair(protocol_version::tlsv1_2);
    late.client.answer = answer_well;
    tls::engine* const asking = come_to_question(late, 2);
    BOOST_TEST_REQUIRE(asking != nullptr);
    BOOST_TEST(test::thrown_code([&] { asking->set_key_cert(serving(all().server_rsa)); }) == "ERR_TLS_INVALID_STATE");
    tls::engine server(serving(all().server), tls::role::server);
    BOOST_TEST(test::thrown_code([&] { server.set_key_cert({}); }) == "ERR_TLS_INVALID_CONTEXT");
    tls::engine client(trusting(), tls::role::client);
    BOOST_TEST(test::thrown_code([&] { client.set_key_cert(serving(all().server)); }) == "ERR_INVALID_ARG_VALUE");
}

BOOST_AUTO_TEST_CASE(the_last_word_on_a_peer_can_accept_and_refuse, *label("BYD-06"))
{
    struct {
        bool trusted;
        tls::verdict verdict;
        bool rejects;
        std::string error;  // the authorization error; what ends the handshake where the peer is rejected
    } const cases[] = {
        {true, tls::verdict::unchanged(), true, ""},
        {true, tls::verdict::refuse("ERR_PIN", "not the pinned key"), true, "ERR_PIN"},
        {true, tls::verdict::refuse("ERR_PIN", "not the pinned key"), false, "ERR_PIN"},
        {false, tls::verdict::unchanged(), true, "SELF_SIGNED_CERT_IN_CHAIN"},
        {false, tls::verdict::unchanged(), false, "SELF_SIGNED_CERT_IN_CHAIN"},
        {false, tls::verdict::accept(), true, ""},
        {false, tls::verdict::refuse("ERR_PIN", "neither trusted nor pinned"), true, "ERR_PIN"},
    };
    for (const protocol_version version : both_versions)
        for (const tls::role side : {tls::role::client, tls::role::server})
            for (const auto& one : cases) {
                const bool client_asks = side == tls::role::client;
                const std::string& root = one.trusted ? all().root.certificate() : all().other_root.certificate();
                engine_options asks{.ask = {.peer_verification = true}, .reject_unauthorized = one.rejects};
                engine_options quiet{.reject_unauthorized = false};
                (client_asks ? asks : quiet).servername = "localhost";
                (client_asks ? quiet : asks).request_cert = true;
                const auto context = [&](const test::identity& who, bool trusts) {
                    return tls::create_secure_context(
                        {.ca = trusts ? root : all().root.certificate(),
                         .cert = who.cert + (one.trusted ? std::string() : all().root.certificate()),
                         .key = who.key,
                         .max_version = version});
                };
                engine_pair pair(context(all().client, client_asks), client_asks ? asks : quiet,
                                 context(all().server, !client_asks), client_asks ? quiet : asks);
                test::engine_end& judge = client_asks ? pair.client : pair.server;
                int asked = 0;
                judge.answer = [&](tls::engine& asking) {
                    ++asked;
                    const auto& found = std::get<tls::peer_verification>(asking.asked());
                    BOOST_TEST(found.verified() == one.trusted);
                    BOOST_TEST(found.host == (client_asks ? "localhost" : ""));
                    BOOST_TEST(found.cert.subject->get("CN").value() == (client_asks ? "localhost" : "client"));
                    BOOST_TEST((found.cert.issuer_certificate != nullptr));
                    asking.answer(one.verdict);
                };
                pair.handshake();
                BOOST_TEST(asked == 1);
                const bool refused = one.rejects && !one.error.empty();
                BOOST_TEST(judge.engine.handshake_done() == !refused);
                BOOST_TEST(judge.engine.authorized() == one.error.empty());
                BOOST_TEST(judge.engine.authorization_error().value_or("") == one.error);
                BOOST_TEST(judge.code() == (refused ? one.error : ""));
                if (refused && one.error == "ERR_PIN")
                    BOOST_TEST((judge.engine.error_info().error == tls::errc::handshake_refused));
            }
}

BOOST_AUTO_TEST_CASE(an_accepted_or_refused_peer_stays_so_when_its_session_goes_on)
{
    for (const bool accepts : {true, false}) {
        const tls::secure_context context = tls::create_secure_context({.ca = all().other_root.certificate(),
                                                                        .cert = all().server.cert,
                                                                        .key = all().server.key,
                                                                        .max_version = protocol_version::tlsv1_2});
        const engine_options options{
            .ask = {.peer_verification = true}, .reject_unauthorized = false, .request_cert = true};
        SSL_SESSION* session = nullptr;
        for (const bool again : {false, true}) {
            test::engine_end server{tls::engine(context, tls::role::server, options)};
            int asked = 0;
            server.answer = [&](tls::engine& asking) {
                ++asked;
                asking.answer(accepts ? tls::verdict::accept() : tls::verdict::refuse("ERR_PIN", "no"));
            };
            test::openssl_end client(tls::role::client, TLS1_2_VERSION, &all().client);
            if (again)
                SSL_set_session(client.ssl(), session);
            client.talk(server);
            BOOST_TEST_REQUIRE(server.engine.handshake_done());
            BOOST_TEST(server.engine.is_session_reused() == again);
            BOOST_TEST(asked == (again ? 0 : 1));
            BOOST_TEST(server.engine.authorized() == accepts);
            SSL_set_shutdown(client.ssl(), SSL_SENT_SHUTDOWN);
            SSL_SESSION_free(std::exchange(session, SSL_get1_session(client.ssl())));
        }
        SSL_SESSION_free(session);
    }
}

BOOST_AUTO_TEST_CASE(a_renegotiation_is_asked_about_anew_and_reads_wait_for_the_answer)
{
    test::engine_end server{tls::engine(tls::create_secure_context({.ca = all().root.certificate(),
                                                                    .cert = all().server.cert,
                                                                    .key = all().server.key,
                                                                    .max_version = protocol_version::tlsv1_2}),
                                        tls::role::server,
                                        {.ask = {.client_hello = true, .peer_verification = true},
                                         .reject_unauthorized = false,
                                         .request_cert = true})};
    std::vector<std::string> asked;
    server.answer = [&](tls::engine& asking) {
        asked.push_back(kind_of(asking));
        answer_well(asking);
    };
    test::openssl_end client(tls::role::client, TLS1_2_VERSION, &all().client);
    client.talk(server);
    BOOST_TEST_REQUIRE(server.engine.handshake_done());
    BOOST_TEST(asked == (std::vector<std::string>{"client_hello", "peer_verification"}),
               boost::test_tools::per_element());
    BOOST_TEST(server.engine.authorized());
    // From here on it is left waiting, in a read that borrows nothing of its caller.
    server.answer = {};
    SSL_renegotiate(client.ssl());
    client.talk(server);
    BOOST_TEST_REQUIRE((server.status == status::want_answer));
    BOOST_TEST(kind_of(server.engine) == "peer_verification");
    BOOST_TEST((server.engine.write(test::as_bytes("SECRET")).status == status::want_answer));
    BOOST_TEST((server.engine.shutdown() == status::want_answer));
    server.engine.answer(tls::verdict::refuse("ERR_PIN", "not any more"));
    server.answer = answer_well;
    client.talk(server);
    BOOST_TEST(server.code() == "");
    BOOST_TEST(!server.engine.authorized());
    BOOST_TEST(server.engine.authorization_error().value_or("") == "ERR_PIN");
    BOOST_TEST(server.write("after"));
    BOOST_TEST(stacks_in_use() == 0U);
}

BOOST_AUTO_TEST_CASE(hundreds_of_handshakes_wait_at_once_and_are_answered_in_any_order)
{
    std::vector<engine_pair> pairs;
    for (int i = 0; i < 200; ++i)
        pairs.push_back(asking_pair(i % 2 ? protocol_version::tlsv1_2 : protocol_version::tlsv1_3));
    unsigned random = 7;
    std::size_t open = 0;
    for (engine_pair& pair : pairs)
        pair.client.step();
    for (int turn = 0; turn < 100'000; ++turn) {
        random = random * 1103515245 + 12345;
        engine_pair& pair = pairs[random / 65536 % pairs.size()];
        for (test::engine_end* end : {&pair.client, &pair.server})
            if (end->status == status::want_answer)
                answer_well(end->engine);
        pair.client.step();
        pair.server.step();
        pair.server.engine.feed(test::as_bytes(test::take_output(pair.client.engine)));
        pair.client.engine.feed(test::as_bytes(test::take_output(pair.server.engine)));
        open = std::max(open, stacks_in_use());
        if (turn % 1000 == 0 && std::all_of(pairs.begin(), pairs.end(), [](const engine_pair& each) {
                return each.client.engine.handshake_done() && each.server.engine.handshake_done();
            }))
            break;
    }
    BOOST_TEST(open > 50U);
    for (const engine_pair& pair : pairs) {
        BOOST_TEST(pair.client.engine.authorized());
        BOOST_TEST(pair.server.engine.authorized());
    }
    BOOST_TEST(stacks_in_use() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
