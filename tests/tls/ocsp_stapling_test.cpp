// A staple on its way through a handshake, without any I/O: who is asked for what, and what a client makes of it.
#include <coil/tls/engine.hpp>
#include <coil/tls/ocsp.hpp>

#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/tls/internal/engine_access.hpp>
#include <coil/tls/internal/engine_state.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"
#include "tests/support/ocsp_responses.hpp"
#include "tests/support/openssl_end.hpp"
#include "tests/support/thrown_code.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/err.h>

#include <array>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using boost::unit_test::label;
using test::engine_pair;
using test::ocsp_response;
using tls::engine_options;
using tls::ocsp_policy;
using tls::protocol_version;
using tls::status;

namespace {

using bytes = std::vector<std::byte>;
using staple = std::optional<bytes>;

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};
constexpr int bad_certificate_status_response = 113;
constexpr int internal_error = 80;

const test::credentials& all()
{
    return test::shared_credentials();
}

tls::secure_context serving(const test::identity& who, protocol_version version, const std::string& ca)
{
    return tls::create_secure_context(
        {.ca = ca, .cert = who.cert, .key = who.key, .max_version = version, .min_version = version});
}

tls::secure_context serving(const test::identity& who, protocol_version version)
{
    return serving(who, version, all().root.certificate());
}

tls::secure_context trusting(const std::string& ca = all().root.certificate())
{
    return tls::create_secure_context({.ca = ca});
}

const engine_options asked_of_servers{.ask = {.certificate_status = true}};
const engine_options asked_of_clients{
    .ask = {.stapled_response = true}, .request_ocsp = true, .servername = "localhost"};

const bytes something{std::byte{1}, std::byte{2}, std::byte{3}};

/// Answers a server's question with this; notes what was asked.
struct stapler {
    staple response;
    std::vector<tls::certificate_status_request> asked = {};

    std::function<void(tls::engine&)> answers()
    {
        return [this](tls::engine& asking) {
            asked.push_back(std::get<tls::certificate_status_request>(asking.asked()));
            asking.answer(tls::staple_answer(response));
        };
    }
};

/// Answers a client's question with this; notes what was stapled.
struct judge {
    tls::ocsp_verdict word = tls::ocsp_verdict::unchanged();
    std::vector<tls::stapled_response> seen = {};

    std::function<void(tls::engine&)> answers()
    {
        return [this](tls::engine& asking) {
            seen.push_back(std::get<tls::stapled_response>(asking.asked()));
            asking.answer(word);
        };
    }
};

std::string name_of(const tls::certificate& cert)
{
    return std::string(cert.subject->get("CN").value());
}

std::size_t stacks_in_use()
{
    return coil::internal::fiber_stack_pool::of_thread().in_use();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ocsp_stapling_test)

BOOST_AUTO_TEST_CASE(what_a_server_answers_arrives_unchanged_before_the_handshake_is_done,
                     *label("OCSP-01 OCSP-02 OCSP-04 OCSP-08 OCSP-09 OCSP-10 EVT-05 EVT-15"))
{
    for (const protocol_version version : both_versions) {
        stapler server{something};
        judge client;
        engine_pair pair(trusting(), asked_of_clients, serving(all().server, version), asked_of_servers);
        pair.server.answer = server.answers();
        pair.client.answer = [&, answers = client.answers()](tls::engine& asking) {
            BOOST_TEST(!asking.handshake_done());
            answers(asking);
        };
        BOOST_TEST_REQUIRE(pair.handshake());
        BOOST_TEST_REQUIRE(server.asked.size() == 1U);
        BOOST_TEST((server.asked[0].cert.raw == test::certificate_of(all().server.cert).raw));
        BOOST_TEST_REQUIRE(server.asked[0].issuer.has_value());
        BOOST_TEST((server.asked[0].issuer->raw == test::certificate_of(all().root.certificate()).raw));
        BOOST_TEST_REQUIRE(client.seen.size() == 1U);
        BOOST_TEST((client.seen[0].response == something));  // garbage, which nobody judges here
        BOOST_TEST(name_of(client.seen[0].cert) == "localhost");
        BOOST_TEST_REQUIRE((client.seen[0].cert.issuer_certificate != nullptr));
        BOOST_TEST(!client.seen[0].found);
        BOOST_TEST(pair.client.engine.authorized());
        BOOST_TEST(pair.client.write("request"));
        pair.pump();
        BOOST_TEST(pair.server.received == "request");
    }
    BOOST_TEST(stacks_in_use() == 0U);
}

BOOST_AUTO_TEST_CASE(no_response_and_no_bytes_leave_the_client_without_a_staple, *label("OCSP-05 OCSP-09"))
{
    for (const protocol_version version : both_versions)
        for (const staple& none : {staple(), staple(bytes())}) {
            stapler server{none};
            judge client;
            engine_pair pair(trusting(), asked_of_clients, serving(all().server, version), asked_of_servers);
            pair.server.answer = server.answers();
            pair.client.answer = client.answers();
            BOOST_TEST(pair.handshake());
            BOOST_TEST(server.asked.size() == 1U);
            BOOST_TEST_REQUIRE(client.seen.size() == 1U);
            BOOST_TEST(!client.seen[0].response);
        }
}

BOOST_AUTO_TEST_CASE(a_server_is_asked_only_where_the_client_wants_a_staple_and_somebody_listens,
                     *label("OCSP-01 OCSP-02 SOCK-09 CONN-28"))
{
    for (const protocol_version version : both_versions) {
        stapler server{something};
        engine_pair quiet(trusting(), {.servername = "localhost"}, serving(all().server, version), asked_of_servers);
        quiet.server.answer = server.answers();
        BOOST_TEST(quiet.handshake());
        BOOST_TEST(server.asked.empty());
        judge client;
        engine_pair deaf(trusting(), asked_of_clients, serving(all().server, version), {});
        deaf.client.answer = client.answers();
        BOOST_TEST(deaf.handshake());
        BOOST_TEST_REQUIRE(client.seen.size() == 1U);
        BOOST_TEST(!client.seen[0].response);
        // A client may ask and look at nothing, and a policy asks by itself.
        for (const engine_options& asks :
             {engine_options{.request_ocsp = true, .servername = "localhost"},
              engine_options{.servername = "localhost", .verify_ocsp = ocsp_policy::if_stapled}}) {
            stapler willing{std::nullopt};
            engine_pair pair(trusting(), asks, serving(all().server, version), asked_of_servers);
            pair.server.answer = willing.answers();
            BOOST_TEST(pair.handshake());
            BOOST_TEST(willing.asked.size() == 1U);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_issuer_is_one_sent_along_or_one_trusted_or_none, *label("OCSP-02 OCSP-03"))
{
    const struct {
        test::identity who;
        std::string ca;
        std::string issuer;
    } cases[] = {
        {all().server, all().root.certificate(), "coil test root"},
        {all().server, all().other_root.certificate(), ""},
        {all().self_signed_server, all().root.certificate(), ""},
        {all().self_signed_server, all().self_signed_server.cert, ""},
        {all().server_below, all().other_root.certificate(), "coil test intermediate"},
        {{all().server_below.leaf(), all().server_below.key},
         all().root.certificate() + all().intermediate->certificate(),
         "coil test intermediate"},
    };
    for (const protocol_version version : both_versions)
        for (const auto& one : cases) {
            stapler server{std::nullopt};
            engine_pair pair(trusting(), {.reject_unauthorized = false, .request_ocsp = true},
                             serving(one.who, version, one.ca), asked_of_servers);
            pair.server.answer = server.answers();
            BOOST_TEST(pair.handshake());
            BOOST_TEST_REQUIRE(server.asked.size() == 1U);
            BOOST_TEST((server.asked[0].cert.raw == test::certificate_of(one.who.cert).raw));
            BOOST_TEST((server.asked[0].issuer ? name_of(*server.asked[0].issuer) : "") == one.issuer);
        }
}

BOOST_AUTO_TEST_CASE(the_certificate_of_the_context_that_a_name_chose_is_asked_about, *label("OCSP-02"))
{
    for (const protocol_version version : both_versions) {
        const tls::secure_context named = serving(all().server_b, version, all().other_root.certificate());
        std::vector<std::string> asked;
        engine_pair pair(trusting(all().other_root.certificate()),
                         {.request_ocsp = true, .servername = "b.example.com"}, serving(all().server, version),
                         {.ask = {.certificate_status = true, .client_hello = true}});
        pair.server.answer = [&](tls::engine& asking) {
            if (const auto* about = std::get_if<tls::certificate_status_request>(&asking.asked())) {
                asked.push_back(name_of(about->cert) + " by " + name_of(about->issuer.value()));
                asking.answer(tls::staple_answer(std::nullopt));
            } else {
                asking.answer(tls::sni_answer(named));
            }
        };
        BOOST_TEST(pair.handshake());
        BOOST_TEST(asked == std::vector<std::string>{"b.example.com by coil other root"},
                   boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(a_second_client_hello_gets_the_answer_to_the_first)
{
    const tls::secure_context pinned =
        tls::create_secure_context({.cert = all().server.cert, .ecdh_curve = "P-384", .key = all().server.key});
    stapler server{something};
    judge client;
    engine_pair pair(tls::create_secure_context({.ca = all().root.certificate(), .ecdh_curve = "X25519:P-384"}),
                     asked_of_clients, pinned, asked_of_servers);
    pair.server.answer = server.answers();
    pair.client.answer = client.answers();
    BOOST_TEST(pair.handshake());
    BOOST_TEST(server.asked.size() == 1U);
    BOOST_TEST_REQUIRE(client.seen.size() == 1U);
    BOOST_TEST((client.seen[0].response == something));
}

BOOST_AUTO_TEST_CASE(a_renegotiation_shows_the_staple_again)
{
    stapler stapling{something};
    test::engine_end server{
        tls::engine(serving(all().server, protocol_version::tlsv1_2), tls::role::server, asked_of_servers)};
    server.answer = stapling.answers();
    test::openssl_end client(tls::role::client, TLS1_2_VERSION);
    SSL_set_tlsext_status_type(client.ssl(), TLSEXT_STATUSTYPE_ocsp);
    const auto stapled = [&client] {
        const unsigned char* data = nullptr;
        const long size = SSL_get_tlsext_status_ocsp_resp(client.ssl(), &data);
        const auto* first = reinterpret_cast<const std::byte*>(data);
        return size > 0 ? bytes(first, first + size) : bytes();
    };
    client.talk(server);
    BOOST_TEST_REQUIRE(server.engine.handshake_done());
    BOOST_TEST((stapled() == something));
    SSL_set_tlsext_status_ocsp_resp(client.ssl(), nullptr, 0);
    BOOST_TEST_REQUIRE(SSL_renegotiate(client.ssl()) == 1);
    client.talk(server);
    BOOST_TEST(SSL_is_init_finished(client.ssl()) == 1);
    BOOST_TEST((stapled() == something));
    BOOST_TEST(stapling.asked.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_client_judges_the_staple_of_a_renegotiation_too, *label("BYD-05"))
{
    test::openssl_end server(tls::role::server, TLS1_2_VERSION, &all().server);
    int (*const stapling)(SSL*, void*) = [](SSL* ssl, void*) {
        SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup("abc", 3), 3);
        return SSL_TLSEXT_ERR_OK;
    };
    SSL_CTX_set_tlsext_status_cb(SSL_get_SSL_CTX(server.ssl()), stapling);
    judge judging;
    test::engine_end client{tls::engine(trusting(), tls::role::client, asked_of_clients)};
    client.answer = judging.answers();
    server.talk(client);
    BOOST_TEST_REQUIRE(client.engine.handshake_done());
    BOOST_TEST(judging.seen.size() == 1U);
    judging.word = tls::ocsp_verdict::refuse("ERR_STALE", "not any more");
    SSL_set_options(server.ssl(), SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    SSL_renegotiate(server.ssl());
    SSL_do_handshake(server.ssl());
    server.talk(client);
    BOOST_TEST(judging.seen.size() == 2U);
    BOOST_TEST(client.code() == "ERR_STALE");
    BOOST_TEST(stacks_in_use() == 0U);
}

BOOST_AUTO_TEST_CASE(nobody_is_asked_where_a_session_goes_on, *label("OCSP-02 OCSP-09"))
{
    using session_ptr = std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)>;
    for (const protocol_version version : both_versions) {
        const tls::secure_context context = serving(all().server, version);
        const tls::secure_context trusted = trusting();
        session_ptr session(nullptr, SSL_SESSION_free);
        for (const bool again : {false, true}) {
            stapler server{ocsp_response(all().server, all().root)};
            judge client;
            engine_options options = asked_of_clients;
            options.verify_ocsp = ocsp_policy::required;
            engine_pair pair(trusted, options, context, asked_of_servers);
            pair.server.answer = server.answers();
            pair.client.answer = client.answers();
            SSL* const ssl = tls::internal::engine_access::state(pair.client.engine)->ssl.get();
            if (again)
                SSL_set_session(ssl, session.get());
            BOOST_TEST_REQUIRE(pair.handshake());
            BOOST_TEST(pair.server.write("x"));
            pair.pump();
            BOOST_TEST(pair.client.engine.is_session_reused() == again);
            BOOST_TEST(server.asked.size() == (again ? 0U : 1U));
            BOOST_TEST(client.seen.size() == (again ? 0U : 1U));
            session.reset(SSL_get1_session(ssl));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_policy_lets_in_what_is_in_order, *label("BYD-22"))
{
    const test::identity stapled_only = all().root.issue({.extensions = {{"tlsfeature", "status_request"}}});
    const auto of = [](const test::identity& who, const test::ocsp_response_options& said) {
        return staple(ocsp_response(who, all().root, said));
    };
    const struct {
        const test::identity& who;
        ocsp_policy policy;
        staple response;
        std::string code;
    } cases[] = {
        {all().server, ocsp_policy::required, of(all().server, {}), ""},
        {all().server, ocsp_policy::required, std::nullopt, "ERR_OCSP_MISSING_RESPONSE"},
        {all().server, ocsp_policy::required, something, "ERR_OCSP_MALFORMED_RESPONSE"},
        {all().server, ocsp_policy::required, of(all().server_a, {}), "ERR_OCSP_WRONG_CERTIFICATE"},
        {all().server, ocsp_policy::required, test::ocsp_refusal(3), "ERR_OCSP_TRY_LATER"},
        {all().server, ocsp_policy::if_stapled, of(all().server, {}), ""},
        {all().server, ocsp_policy::if_stapled, std::nullopt, ""},
        {all().server, ocsp_policy::if_stapled, of(all().server, {.status = tls::ocsp_status::revoked}),
         "ERR_OCSP_CERTIFICATE_REVOKED"},
        {all().server, ocsp_policy::if_stapled, of(all().server, {.next_update = -1h, .this_update = -2h}),
         "ERR_OCSP_RESPONSE_EXPIRED"},
        {all().server, ocsp_policy::off, something, ""},
        {stapled_only, ocsp_policy::if_stapled, std::nullopt, "ERR_OCSP_MISSING_RESPONSE"},
        {stapled_only, ocsp_policy::if_stapled, of(stapled_only, {}), ""},
        {stapled_only, ocsp_policy::off, std::nullopt, ""},
    };
    for (const protocol_version version : both_versions)
        for (const auto& one : cases) {
            const bool rejects = (&one - cases) % 2 == (version == protocol_version::tlsv1_3);
            stapler server{one.response};
            engine_pair pair(trusting(),
                             {.reject_unauthorized = rejects,
                              .request_ocsp = true,
                              .servername = "localhost",
                              .verify_ocsp = one.policy},
                             serving(one.who, version), asked_of_servers);
            pair.server.answer = server.answers();
            BOOST_TEST(pair.handshake() == one.code.empty());
            BOOST_TEST(pair.client.code() == one.code);
            if (one.code.empty())
                continue;
            const tls::error_info& info = pair.client.engine.error_info();
            BOOST_TEST(info.error.category().name() == std::string("ocsp"));
            BOOST_TEST(int{info.alert.value_or(0)} == bad_certificate_status_response);
            BOOST_TEST((info.alert_direction == tls::alert_direction::sent));
            BOOST_TEST_REQUIRE((info.peer_certificate != nullptr));
            BOOST_TEST(name_of(*info.peer_certificate) == "localhost");
            BOOST_TEST(pair.server.code() == "ERR_SSL_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE");
        }
}

BOOST_AUTO_TEST_CASE(a_policy_trusts_the_issuer_that_the_chain_was_verified_with, *label("BYD-22"))
{
    for (const bool below : {false, true}) {
        const test::authority& issuer = below ? *all().intermediate : all().root;
        const test::identity& who = below ? all().server_below : all().server;
        stapler server{ocsp_response(who, issuer)};
        engine_pair pair(trusting(), {.servername = "localhost", .verify_ocsp = ocsp_policy::required},
                         serving(who, protocol_version::tlsv1_3), asked_of_servers);
        pair.server.answer = server.answers();
        BOOST_TEST(pair.handshake());
        // Where nobody knows the issuer there is nothing to hold a response to.
        engine_pair blind(trusting(all().other_root.certificate()),
                          {.reject_unauthorized = false, .verify_ocsp = ocsp_policy::required},
                          serving({who.leaf(), who.key}, protocol_version::tlsv1_3, all().other_root.certificate()),
                          asked_of_servers);
        blind.server.answer = server.answers();
        BOOST_TEST(!blind.handshake());
        BOOST_TEST(blind.client.code() == "ERR_OCSP_NO_ISSUER");
    }
}

BOOST_AUTO_TEST_CASE(the_program_has_the_last_word_on_a_staple, *label("EVT-15 OCSP-09 BYD-05 BYD-22"))
{
    const auto refuse = tls::ocsp_verdict::refuse("ERR_STALE", "older than our own");
    const struct {
        ocsp_policy policy;
        staple response;
        tls::ocsp_verdict word;
        std::string code;
    } cases[] = {
        {ocsp_policy::off, something, tls::ocsp_verdict::unchanged(), ""},
        {ocsp_policy::off, something, tls::ocsp_verdict::accept(), ""},
        {ocsp_policy::off, something, refuse, "ERR_STALE"},
        {ocsp_policy::off, std::nullopt, refuse, "ERR_STALE"},
        {ocsp_policy::required, std::nullopt, tls::ocsp_verdict::unchanged(), "ERR_OCSP_MISSING_RESPONSE"},
        {ocsp_policy::required, std::nullopt, tls::ocsp_verdict::accept(), ""},
        {ocsp_policy::required, something, refuse, "ERR_STALE"},
    };
    for (const protocol_version version : both_versions)
        for (const auto& one : cases) {
            const bool rejects = (&one - cases) % 2 == (version == protocol_version::tlsv1_3);
            stapler server{one.response};
            judge client{one.word};
            engine_options options = asked_of_clients;
            options.reject_unauthorized = rejects;
            options.verify_ocsp = one.policy;
            engine_pair pair(trusting(), options, serving(all().server, version), asked_of_servers);
            pair.server.answer = server.answers();
            pair.client.answer = client.answers();
            BOOST_TEST(pair.handshake() == one.code.empty());
            BOOST_TEST(pair.client.code() == one.code);
            BOOST_TEST_REQUIRE(client.seen.size() == 1U);
            BOOST_TEST(client.seen[0].found.has_value() == (one.policy != ocsp_policy::off));
            if (client.seen[0].found)
                BOOST_TEST(!client.seen[0].found->good());
            if (one.code.empty())
                continue;
            const tls::error_info& info = pair.client.engine.error_info();
            BOOST_TEST(int{info.alert.value_or(0)} == bad_certificate_status_response);
            if (one.code == "ERR_STALE") {
                BOOST_TEST((info.error == tls::errc::handshake_refused));
                BOOST_TEST(info.message == "older than our own");
            }
        }
}

namespace {

/// A pair of which one side's question is open. @return who asks.
tls::engine* come_to_question(engine_pair& pair, stapler& other, tls::role asking)
{
    if (asking == tls::role::client)
        pair.server.answer = other.answers();
    pair.handshake();
    test::engine_end& end = asking == tls::role::client ? pair.client : pair.server;
    BOOST_TEST((end.status == status::want_answer));
    return &end.engine;
}

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_happens_while_a_staple_is_waited_for, *label("BYD-05 F-30"))
{
    for (const protocol_version version : both_versions)
        for (const tls::role side : {tls::role::server, tls::role::client}) {
            stapler server{something};
            judge client;
            engine_pair pair(trusting(), asked_of_clients, serving(all().server, version), asked_of_servers);
            tls::engine* const asking = come_to_question(pair, server, side);
            test::take_output(*asking);
            std::array<std::byte, 64> buffer;
            BOOST_TEST((asking->handshake() == status::want_answer));
            BOOST_TEST((asking->read(buffer).status == status::want_answer));
            BOOST_TEST((asking->write(test::as_bytes("SECRET")).status == status::want_answer));
            BOOST_TEST((asking->shutdown() == status::want_answer));
            BOOST_TEST(asking->output_size() == 0U);
            BOOST_TEST(ERR_peek_error() == 0U);
            BOOST_TEST(stacks_in_use() == 1U);
            BOOST_TEST(test::thrown_code([&] { asking->answer(tls::sni_answer()); }) == "ERR_TLS_INVALID_STATE");
            pair.server.answer = server.answers();
            pair.client.answer = client.answers();
            (side == tls::role::client ? pair.client : pair.server).step();
            pair.pump();
            BOOST_TEST(pair.client.engine.handshake_done());
            BOOST_TEST(pair.server.engine.handshake_done());
            BOOST_TEST(stacks_in_use() == 0U);
        }
}

BOOST_AUTO_TEST_CASE(a_question_about_a_staple_may_be_refused_failed_or_left_behind, *label("OCSP-06 OCSP-07"))
{
    enum class how { refused, failed, destroyed, transport_ended };
    for (const protocol_version version : both_versions)
        for (const tls::role side : {tls::role::server, tls::role::client})
            for (const how end : {how::refused, how::failed, how::destroyed, how::transport_ended}) {
                stapler server{something};
                engine_pair pair(trusting(), asked_of_clients, serving(all().server, version), asked_of_servers);
                tls::engine* const asking = come_to_question(pair, server, side);
                if (end == how::destroyed) {
                    *asking = tls::engine(trusting(), tls::role::client);
                } else {
                    if (end == how::refused)
                        asking->refuse();
                    else if (end == how::failed)
                        asking->fail(std::make_exception_ptr(std::runtime_error("no responder")));
                    else
                        asking->end_of_input();
                    BOOST_TEST((asking->handshake() == status::error));
                    const tls::error_info& info = asking->error_info();
                    BOOST_TEST(info.code == (end == how::refused  ? "ERR_TLS_HANDSHAKE_REFUSED"
                                             : end == how::failed ? "ERR_TLS_HANDLER_FAILED"
                                                                  : "ECONNRESET"));
                    BOOST_TEST((info.exception != nullptr) == (end == how::failed));
                    const bool to_peer = end == how::refused && side == tls::role::client;
                    BOOST_TEST(int{info.alert.value_or(0)} ==
                               (to_peer ? bad_certificate_status_response : internal_error));
                }
                BOOST_TEST(stacks_in_use() == 0U);
                BOOST_TEST(ERR_peek_error() == 0U);
            }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_into_a_handshake_ends_it, *label("OCSP-04"))
{
    for (const bool fits : {true, false}) {
        stapler server{bytes(fits ? 65'527 : 65'528, std::byte{7})};
        judge client;
        engine_pair pair(trusting(), asked_of_clients, serving(all().server, protocol_version::tlsv1_3),
                         asked_of_servers);
        pair.server.answer = server.answers();
        pair.client.answer = client.answers();
        BOOST_TEST(pair.handshake() == fits);
        BOOST_TEST_REQUIRE(client.seen.size() == (fits ? 1U : 0U));
        if (fits) {
            BOOST_TEST((client.seen[0].response == server.response));
            continue;
        }
        BOOST_TEST(pair.server.code() == "ERR_TLS_HANDLER_FAILED");
        BOOST_TEST(test::thrown_code([&] { std::rethrow_exception(pair.server.engine.error_info().exception); }) ==
                   "ERR_OUT_OF_RANGE");
    }
}

BOOST_AUTO_TEST_CASE(an_established_connection_keeps_no_staple)
{
    for (const protocol_version version : both_versions) {
        stapler server{something};
        judge client;
        engine_pair pair(trusting(), asked_of_clients, serving(all().server, version), asked_of_servers);
        pair.server.answer = server.answers();
        pair.client.answer = client.answers();
        BOOST_TEST_REQUIRE(pair.handshake());
        const auto kept = [](const test::engine_end& end) {
            const unsigned char* data = nullptr;
            SSL_get_tlsext_status_ocsp_resp(tls::internal::engine_access::state(end.engine)->ssl.get(), &data);
            return data != nullptr;
        };
        BOOST_TEST(!kept(pair.client));
        BOOST_TEST(kept(pair.server) == (version == protocol_version::tlsv1_2));  // for renegotiations
    }
}

BOOST_AUTO_TEST_CASE(options_of_the_other_side_and_questions_without_an_object_are_mistakes, *label("OCSP-01 OCSP-02"))
{
    const auto code = [](tls::role side, const engine_options& options) {
        return test::thrown_code(
            [&] { const tls::engine made(serving(all().server, protocol_version::tlsv1_3), side, options); });
    };
    for (const engine_options& of_clients :
         {engine_options{.request_ocsp = true}, engine_options{.verify_ocsp = ocsp_policy::required},
          engine_options{.ask = {.stapled_response = true}}})
        BOOST_TEST(code(tls::role::server, of_clients) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code(tls::role::client, asked_of_servers) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code(tls::role::client, {.ask = {.stapled_response = true}}) == "ERR_INVALID_ARG_VALUE");
}

BOOST_AUTO_TEST_SUITE_END()
