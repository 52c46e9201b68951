// Who the peer is: certificates in both directions, host names, server names.
#include <coil/tls/engine.hpp>

#include <coil/tls/internal/server_names.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>

using namespace coil;
using test::engine_pair;
using tls::engine_options;
using tls::protocol_version;
using tls::status;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

tls::secure_context server_context(const test::identity& who, protocol_version version, const std::string& ca = {})
{
    return tls::create_secure_context(
        {.ca = ca, .cert = who.cert, .key = who.key, .max_version = version, .min_version = version});
}

tls::secure_context client_context(const std::string& root, const test::identity* who = nullptr)
{
    tls::secure_context_options options{.ca = root};
    if (who) {
        options.cert = who->cert;
        options.key = who->key;
    }
    return tls::create_secure_context(options);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_peer_test)

BOOST_AUTO_TEST_CASE(a_client_refuses_every_server_it_cannot_verify,
                     *boost::unit_test::label("CONN-12 CONN-17 CONN-25 CTX-06 ERR-35 ERR-42 ERR-43 ERR-51 ERR-53 "
                                              "ERR-54 IDN-02 IDN-04 B-028 B-030 B-039 B-045"))
{
    struct row {
        const test::identity* server;
        const std::string* root;
        std::string host;
        std::string code;
        int alert;
    };
    const std::string& root = all().root.certificate();
    const std::string& other = all().other_root.certificate();
    const row table[] = {
        {&all().server, &root, "localhost", "", 0},
        {&all().server_rsa, &root, "localhost", "", 0},
        {&all().server, &root, "LOCALHOST.", "", 0},
        {&all().server, &root, "127.0.0.1", "", 0},
        {&all().server, &root, "::1", "", 0},
        {&all().server, &root, "", "", 0},  // B-045
        {&all().server_below, &root, "localhost", "", 0},
        {&all().wildcard, &root, "a.example.com", "", 0},
        {&all().only_address, &root, "127.0.0.1", "", 0},
        {&all().self_signed_server, &all().self_signed_server.cert, "localhost", "", 0},  // CTX-06
        {&all().wrong_name, &root, "localhost", "ERR_TLS_CERT_ALTNAME_INVALID", 42},
        {&all().wildcard, &root, "a.b.example.com", "ERR_TLS_CERT_ALTNAME_INVALID", 42},
        {&all().server, &root, "127.0.0.2", "ERR_TLS_CERT_ALTNAME_INVALID", 42},
        {&all().only_address, &root, "no name", "ERR_TLS_CERT_ALTNAME_INVALID", 42},  // IDN-10: no label has a space
        {&all().only_address, &root, "localhost", "ERR_TLS_CERT_ALTNAME_INVALID", 42},
        {&all().expired, &root, "localhost", "CERT_HAS_EXPIRED", 45},
        {&all().not_yet_valid, &root, "localhost", "CERT_NOT_YET_VALID", 42},
        {&all().self_signed_server, &root, "localhost", "DEPTH_ZERO_SELF_SIGNED_CERT", 48},
        {&all().server, &other, "localhost", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", 48},
        {&all().server_below, &other, "localhost", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", 48},
        {&all().server_below, &all().intermediate->certificate(), "localhost", "UNABLE_TO_GET_ISSUER_CERT", 48},
    };
    for (const protocol_version version : both_versions)
        for (const row& given : table) {
            BOOST_TEST_CONTEXT(given.host << " expecting " << given.code << " with " << tls::to_string(version))
            {
                engine_pair pair(client_context(*given.root), {.host = given.host},
                                 server_context(*given.server, version), {});
                const bool done = pair.handshake();
                BOOST_TEST(pair.client.code() == given.code);
                BOOST_TEST(done == given.code.empty());
                BOOST_TEST(pair.client.engine.authorized() == given.code.empty());
                if (given.code.empty())
                    continue;
                const tls::error_info& info = pair.client.engine.error_info();
                BOOST_TEST(error_name(info.error) == given.code);
                BOOST_TEST(info.alert.value() == given.alert);
                BOOST_TEST(!info.message.empty());
                // Not one byte of the program's goes out, and the server learns why.
                BOOST_TEST(!pair.client.write("secret"));
                BOOST_TEST((pair.server.status == status::error));
                BOOST_TEST(pair.server.engine.error_info().alert.value() == given.alert);
                BOOST_TEST(pair.server.received.empty());
            }
        }
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_refuse_still_knows_why,
                     *boost::unit_test::label("CONN-12 SOCK-06 SOCK-12 SOCK-13 B-029"))
{
    struct row {
        const test::identity* server;
        std::string code;
    };
    for (const protocol_version version : both_versions)
        for (const row& given :
             {row{&all().wrong_name, "ERR_TLS_CERT_ALTNAME_INVALID"}, row{&all().expired, "CERT_HAS_EXPIRED"},
              row{&all().self_signed_server, "DEPTH_ZERO_SELF_SIGNED_CERT"}}) {
            engine_pair pair(client_context(all().root.certificate()), {.reject_unauthorized = false},
                             server_context(*given.server, version), {});
            BOOST_TEST_REQUIRE(pair.handshake());
            BOOST_TEST(!pair.client.engine.authorized());
            BOOST_TEST(pair.client.engine.authorization_error().value() == given.code);
            BOOST_TEST(pair.client.write("goes through"));
            pair.pump();
            BOOST_TEST(pair.server.received == "goes through");
        }
}

BOOST_AUTO_TEST_CASE(the_built_in_roots_do_not_trust_the_test_authority,
                     *boost::unit_test::label("CTX-05 CTX-40 B-005"))
{
    engine_pair pair(tls::create_secure_context(), {}, server_context(all().server, protocol_version::tlsv1_3), {});
    BOOST_TEST(!pair.handshake());
    BOOST_TEST(pair.client.code() == "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    BOOST_TEST(pair.client.engine.error_info().message == "unable to verify the first certificate");  // B-005
}

BOOST_AUTO_TEST_CASE(an_anonymous_server_is_no_verified_server, *boost::unit_test::label("ERR-34 ERR-35"))
{
    const tls::secure_context anonymous =
        tls::create_secure_context({.ciphers = "ADH-AES128-GCM-SHA256:AECDH-AES128-SHA:@SECLEVEL=0",
                                    .dhparam = "auto",
                                    .max_version = protocol_version::tlsv1_2});
    engine_pair pair(anonymous, {}, anonymous, {});
    BOOST_TEST(!pair.handshake());
    BOOST_TEST(pair.client.code() == "UNABLE_TO_GET_ISSUER_CERT");
    engine_pair knowing(anonymous, {.reject_unauthorized = false}, anonymous, {});
    BOOST_TEST(knowing.handshake());
    BOOST_TEST(!knowing.client.engine.authorized());
    BOOST_TEST(knowing.client.engine.authorization_error().value() == "UNABLE_TO_GET_ISSUER_CERT");
}

BOOST_AUTO_TEST_CASE(a_check_of_the_program_s_own_replaces_the_host_check, *boost::unit_test::label("CONN-16 CONN-17"))
{
    const auto pair_with = [](auto check) {
        engine_pair pair(client_context(all().root.certificate()),
                         {.ask = {.server_identity = true}, .host = "ignored", .servername = "asked.example"},
                         server_context(all().server_below, protocol_version::tlsv1_3), {});
        pair.client.answer = [check](tls::engine& asking) {
            const auto request = std::get<tls::server_identity_request>(asking.asked());
            try {
                asking.answer(check(request.host, request.cert));
            } catch (...) {
                asking.fail(std::current_exception());
            }
        };
        return pair;
    };
    int calls = 0;
    engine_pair accepting = pair_with([&](std::string_view host, const tls::certificate& cert) {
        ++calls;
        BOOST_TEST(host == "asked.example");
        BOOST_TEST_REQUIRE((cert.issuer_certificate != nullptr));
        BOOST_TEST(cert.issuer_certificate->subject->get("CN").value() == "coil test intermediate");
        BOOST_TEST((cert.issuer_certificate->issuer_certificate != nullptr));
        return std::optional<tls::identity_error>();
    });
    BOOST_TEST(accepting.handshake());
    BOOST_TEST(calls == 1);
    BOOST_TEST(accepting.client.engine.authorized());

    engine_pair refusing = pair_with([](std::string_view host, const tls::certificate&) {
        return std::optional(tls::identity_error{"ERR_PIN", "the key is not pinned", std::string(host)});
    });
    BOOST_TEST(!refusing.handshake());
    BOOST_TEST(refusing.client.code() == "ERR_PIN");
    BOOST_TEST(refusing.client.engine.error_info().message == "the key is not pinned");

    engine_pair throwing =
        pair_with([](std::string_view, const tls::certificate&) -> std::optional<tls::identity_error> {
            throw std::runtime_error("no pins");
        });
    BOOST_TEST(!throwing.handshake());
    BOOST_TEST((throwing.client.engine.error_info().error == tls::errc::handler_failed));
    BOOST_CHECK_THROW(std::rethrow_exception(throwing.client.engine.error_info().exception), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_server_decides_about_client_certificates_inside_the_handshake,
                     *boost::unit_test::label("BYD-27 OPT-07 OPT-08 SOCK-05 SOCK-06 SOCK-12 SOCK-13 "
                                              "SRV-09 to SRV-14 B-031 to B-033"))
{
    struct row {
        bool request;
        bool reject;
        const test::identity* client;
        std::string server_code;          // the handshake fails with it
        std::string authorization_error;  // or it succeeds and says this
        int alert;
    };
    const row table[] = {
        {false, true, &all().client, "", "", 0},
        {true, true, &all().client, "", "", 0},
        {true, true, nullptr, "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "", 0},
        {true, true, &all().foreign_client, "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "", 48},
        {true, true, &all().expired_client, "CERT_HAS_EXPIRED", "", 45},
        {true, true, &all().self_signed_client, "DEPTH_ZERO_SELF_SIGNED_CERT", "", 48},
        {true, false, &all().client, "", "", 0},
        {true, false, nullptr, "", "UNABLE_TO_GET_ISSUER_CERT", 0},
        {true, false, &all().foreign_client, "", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", 0},
        {true, false, &all().self_signed_client, "", "DEPTH_ZERO_SELF_SIGNED_CERT", 0},
    };
    for (const protocol_version version : both_versions)
        for (const row& given : table) {
            BOOST_TEST_CONTEXT("request " << given.request << " reject " << given.reject << " code "
                                          << given.server_code << given.authorization_error << " with "
                                          << tls::to_string(version))
            {
                engine_pair pair(client_context(all().root.certificate(), given.client), {},
                                 server_context(all().server, version, all().root.certificate()),
                                 {.reject_unauthorized = given.reject, .request_cert = given.request});
                pair.handshake();
                tls::engine& server = pair.server.engine;
                BOOST_TEST(pair.server.code() == given.server_code);
                BOOST_TEST(server.handshake_done() == given.server_code.empty());
                const bool verified =
                    given.request && given.client && given.server_code.empty() && given.authorization_error.empty();
                BOOST_TEST(server.authorized() == verified);
                if (given.server_code.empty()) {
                    BOOST_TEST(server.authorization_error().value_or("") == given.authorization_error);
                    BOOST_TEST(server.get_peer_certificate().has_value() == (given.request && given.client));
                    continue;
                }
                // The client hears of it: a TLS 1.3 client after its own part of the handshake.
                BOOST_TEST((pair.client.status == status::error));
                const int alert = given.alert ? given.alert : version == protocol_version::tlsv1_3 ? 116 : 40;
                BOOST_TEST(server.error_info().alert.value() == alert);
                BOOST_TEST(pair.client.engine.error_info().alert.value() == alert);
            }
        }
}

BOOST_AUTO_TEST_CASE(the_client_of_a_server_that_misses_its_certificate_gets_node_s_codes,
                     *boost::unit_test::label("CONN-27 ERR-04 SRV-11 B-033"))
{
    for (const protocol_version version : both_versions) {
        engine_pair pair(client_context(all().root.certificate()), {},
                         server_context(all().server, version, all().root.certificate()), {.request_cert = true});
        BOOST_TEST(!pair.handshake());
        BOOST_TEST(pair.client.code() == (version == protocol_version::tlsv1_3
                                              ? "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"
                                              : "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE"));
    }
}

BOOST_AUTO_TEST_CASE(a_revoked_client_is_refused, *boost::unit_test::label("CTX-17 ERR-56 B-034"))
{
    const test::identity revoked = all().root.issue({.alternative_names = "", .common_name = "revoked"});
    const tls::secure_context server = tls::create_secure_context({.ca = all().root.certificate(),
                                                                   .cert = all().server.cert,
                                                                   .crl = all().root.revoke({revoked}),
                                                                   .key = all().server.key});
    engine_pair bad(client_context(all().root.certificate(), &revoked), {}, server, {.request_cert = true});
    BOOST_TEST(!bad.handshake());
    BOOST_TEST(bad.server.code() == "CERT_REVOKED");
    BOOST_TEST(bad.server.engine.error_info().alert.value() == 44);
    engine_pair good(client_context(all().root.certificate(), &all().client), {}, server, {.request_cert = true});
    BOOST_TEST(good.handshake());
    BOOST_TEST(good.server.engine.authorized());
}

BOOST_AUTO_TEST_CASE(the_server_name_chooses_everything_that_a_context_holds,
                     *boost::unit_test::label("BYD-19 SNI-06 to SNI-08 SNI-13 SNI-14 SRV-15 B-046 B-047 B-049"))
{
    // The default: RSA, TLS 1.2 and 1.3, trusts nobody in particular. For b: ECDSA, TLS 1.2 only, one cipher, one group,
    // trusts the test authority.
    const tls::secure_context standard = tls::create_secure_context({.ca = all().other_root.certificate(),
                                                                     .cert = all().server_rsa.cert,
                                                                     .ecdh_curve = "P-384",
                                                                     .key = all().server_rsa.key});
    const tls::secure_context for_b = tls::create_secure_context({.ca = all().root.certificate(),
                                                                  .cert = all().server_b.cert,
                                                                  .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384",
                                                                  .ecdh_curve = "P-256",
                                                                  .key = all().server_b.key,
                                                                  .max_version = protocol_version::tlsv1_2});
    tls::internal::server_names names;
    names.add("b.*.com", for_b);
    const engine_options server_options{
        .ask = {.client_hello = true}, .reject_unauthorized = false, .request_cert = true};
    const auto find = test::by_name([&](const std::string& name) { return names.find(name); });
    const std::string both_roots = all().root.certificate() + all().other_root.certificate();

    engine_pair chosen(client_context(both_roots, &all().client), {.servername = "B.example.com"}, standard,
                       server_options);
    chosen.server.answer = find;
    BOOST_TEST_REQUIRE(chosen.handshake());
    BOOST_TEST(chosen.client.engine.get_protocol().value_or("") == "TLSv1.2");
    BOOST_TEST(chosen.client.engine.get_cipher()->name == "ECDHE-ECDSA-AES256-GCM-SHA384");
    BOOST_TEST(chosen.client.engine.get_peer_certificate()->subject->get("CN").value() == "b.example.com");
    BOOST_TEST(chosen.server.engine.get_certificate()->subject->get("CN").value() == "b.example.com");
    BOOST_TEST(chosen.server.engine.servername().value() == "B.example.com");
    BOOST_TEST(chosen.server.engine.authorized());

    engine_pair fallback(client_context(both_roots, &all().client), {.host = "localhost", .servername = "localhost"},
                         standard, server_options);
    fallback.server.answer = find;
    BOOST_TEST_REQUIRE(fallback.handshake());
    BOOST_TEST(fallback.client.engine.get_protocol().value_or("") == "TLSv1.3");
    BOOST_TEST(fallback.client.engine.get_peer_certificate()->modulus.has_value());
    BOOST_TEST(!fallback.server.engine.authorized());

    engine_pair nameless(client_context(both_roots), {.host = "127.0.0.1", .servername = "127.0.0.1"}, standard,
                         server_options);
    nameless.server.answer = find;
    BOOST_TEST_REQUIRE(nameless.handshake());
    BOOST_TEST(!nameless.server.engine.servername());  // B-049, SNI-14
}

BOOST_AUTO_TEST_CASE(a_context_for_a_name_brings_its_own_key_kind_in_both_versions, *boost::unit_test::label("SNI-13"))
{
    for (const protocol_version version : both_versions)
        for (const bool rsa_first : {false, true}) {
            const test::identity& first = rsa_first ? all().server_rsa : all().server;
            const test::identity& second = rsa_first ? all().server : all().server_rsa;
            const tls::secure_context named = server_context(second, version);
            engine_pair pair(client_context(all().root.certificate()), {.servername = "localhost"},
                             server_context(first, version), {.ask = {.client_hello = true}});
            pair.server.answer = test::by_name([&](const std::string&) { return named; });
            BOOST_TEST_REQUIRE(pair.handshake());
            BOOST_TEST(pair.client.engine.get_peer_certificate()->modulus.has_value() == !rsa_first);
        }
}

BOOST_AUTO_TEST_CASE(a_context_for_a_name_brings_its_groups_whichever_side_names_some,
                     *boost::unit_test::label("BYD-19 SNI-13"))
{
    const auto works = [](const char* standard, const char* named, const char* client) {
        const auto context = [](const char* groups) {
            return tls::create_secure_context(
                {.cert = all().server.cert, .ecdh_curve = groups, .key = all().server.key});
        };
        const tls::secure_context for_name = context(named);
        engine_pair pair(tls::create_secure_context({.ca = all().root.certificate(), .ecdh_curve = client}),
                         {.servername = "localhost"}, context(standard), {.ask = {.client_hello = true}});
        pair.server.answer = test::by_name([&](const std::string&) { return for_name; });
        return pair.handshake();
    };
    BOOST_TEST(works("P-384", "auto", "X25519"));
    BOOST_TEST(works("P-384", "P-256", "P-256"));
    BOOST_TEST(!works("P-384", "P-256", "P-384"));
    BOOST_TEST(works("auto", "P-384", "P-384"));
    BOOST_TEST(!works("auto", "P-384", "X25519"));
}

BOOST_AUTO_TEST_CASE(a_question_about_the_server_name_can_be_answered_later,
                     *boost::unit_test::label("SNI-08 SNI-12 B-048"))
{
    const tls::secure_context for_b = server_context(all().server_b, protocol_version::tlsv1_2);
    engine_pair pair(client_context(all().other_root.certificate()), {.servername = "b.example.com"},
                     server_context(all().server, protocol_version::tlsv1_3), {.ask = {.client_hello = true}});
    BOOST_TEST(!pair.handshake());
    tls::engine& server = pair.server.engine;
    BOOST_TEST((pair.server.status == status::want_answer));
    BOOST_TEST_REQUIRE(std::holds_alternative<tls::client_hello>(server.asked()));
    BOOST_TEST(std::get<tls::client_hello>(server.asked()).servername == "b.example.com");
    BOOST_TEST(server.servername().value() == "b.example.com");
    BOOST_TEST((server.handshake() == status::want_answer));
    server.answer(for_b);
    BOOST_TEST(std::holds_alternative<std::monostate>(server.asked()));
    pair.server.step();
    BOOST_TEST(pair.handshake());
    BOOST_TEST(pair.client.engine.get_protocol().value_or("") == "TLSv1.2");

    engine_pair unnamed(client_context(all().root.certificate()), {.servername = "localhost"},
                        server_context(all().server, protocol_version::tlsv1_3), {.ask = {.client_hello = true}});
    BOOST_TEST(!unnamed.handshake());
    unnamed.server.engine.answer(tls::secure_context());
    unnamed.server.step();
    BOOST_TEST(unnamed.handshake());
}

BOOST_AUTO_TEST_CASE(a_failing_answer_about_the_server_name_ends_the_handshake_with_an_alert,
                     *boost::unit_test::label("SNI-06 SNI-09"))
{
    const auto expect_failure = [](engine_pair& pair) {
        const tls::error_info& info = pair.server.engine.error_info();
        BOOST_TEST((info.error == tls::errc::handler_failed));
        BOOST_CHECK_THROW(std::rethrow_exception(info.exception), std::runtime_error);
        BOOST_TEST(info.alert.value() == 80);
        BOOST_TEST(pair.client.code() == "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
    };
    const tls::secure_context standard = server_context(all().server, protocol_version::tlsv1_3);
    engine_pair thrown(client_context(all().root.certificate()), {.servername = "localhost"}, standard,
                       {.ask = {.client_hello = true}});
    thrown.server.answer =
        test::by_name([](const std::string&) -> tls::secure_context { throw std::runtime_error("no"); });
    BOOST_TEST(!thrown.handshake());
    expect_failure(thrown);

    engine_pair answered(client_context(all().root.certificate()), {.servername = "localhost"}, standard,
                         {.ask = {.client_hello = true}});
    BOOST_TEST(!answered.handshake());
    answered.server.engine.fail(std::make_exception_ptr(std::runtime_error("no")));
    answered.server.step();
    answered.pump();
    expect_failure(answered);
}

BOOST_AUTO_TEST_CASE(patterns_of_server_names_follow_their_rules, *boost::unit_test::label("ERR-17 SNI-01 to SNI-03"))
{
    using tls::internal::server_name_matches;
    struct row {
        std::string_view pattern;
        std::string_view name;
        bool matches;
    };
    const row table[] = {
        {"a.com", "a.com", true},       {"a.com", "A.COM", true},     {"A.com.", "a.com", true},
        {"a.com", "a.com.", true},      {"a.com", "b.com", false},    {"*.a.com", "b.a.com", true},
        {"*.a.com", ".a.com", true},    {"*.a.com", "a.com", false},  {"*.a.com", "c.b.a.com", false},
        {"*", "localhost", true},       {"*", "a.com", false},        {"f*o.com", "fo.com", true},
        {"f*o.com", "foxo.com", true},  {"f*o.com", "fx.com", false}, {"*a*.*", "banana.com", true},
        {"*a*.*", "bonono.com", false}, {"a.com", "axcom", false},    {"(a|b).com", "a.com", false},
        {"*.*.com", "a.b.com", true},   {"*b", "abab", true},         {"", "a", false},
    };
    for (const row& given : table)
        BOOST_TEST(server_name_matches(given.pattern, given.name) == given.matches, given.pattern << " " << given.name);

    const tls::secure_context first = tls::create_secure_context();
    const tls::secure_context second = tls::create_secure_context();
    tls::internal::server_names names;
    BOOST_TEST(!names.find("a.com"));
    names.add("a.com", first);
    names.add("*.com", second);
    BOOST_TEST((names.find("a.com") == second));
    names.add("a.com", first);
    BOOST_TEST((names.find("a.com") == first));
    BOOST_TEST(!names.find("a.org"));
    BOOST_CHECK_EXCEPTION(names.add("", first), tls::error,
                          [](const tls::error& failure) { return failure.code() == "ERR_TLS_REQUIRED_SERVER_NAME"; });
}

BOOST_AUTO_TEST_SUITE_END()
