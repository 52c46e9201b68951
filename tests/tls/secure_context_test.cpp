#include <coil/tls/secure_context.hpp>

#include <coil/tls/engine.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <functional>

using namespace coil;
using test::engine_pair;
using tls::create_secure_context;
using tls::protocol_version;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

/// The failure of making a context; none if it works.
std::optional<tls::error> failure_of(const tls::secure_context_options& options)
{
    try {
        create_secure_context(options);
    } catch (const tls::error& failure) {
        return failure;
    }
    return std::nullopt;
}

std::string code_of(const tls::secure_context_options& options)
{
    const std::optional<tls::error> failure = failure_of(options);
    return failure ? failure->code() : "";
}

/// The client that trusts the test root and speaks as `options` say, against this server.
engine_pair pair_of(tls::secure_context_options client, tls::secure_context_options server)
{
    if (client.ca.empty())
        client.ca = all().root.certificate();
    return engine_pair(create_secure_context(client), {}, create_secure_context(server), {});
}

tls::secure_context_options server_with(const test::identity& who)
{
    return {.cert = who.cert, .key = who.key};
}

constexpr const char* small_dh_group =  // 512 bits
    "-----BEGIN DH PARAMETERS-----\n"
    "MEYCQQD1Kv884bEpQBgRjXyEpwpy1obEAxnIByl6ypUM2Zafq9AKUJsCRtMIPWak\n"
    "XUGfnHy9iUsiGSa6q6Jew1XpKgVfAgEC\n"
    "-----END DH PARAMETERS-----\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_context_test)

BOOST_AUTO_TEST_CASE(no_option_is_needed_and_empty_ones_do_not_count, *boost::unit_test::label("CTX-01 B-007"))
{
    BOOST_TEST(static_cast<bool>(create_secure_context()));
    BOOST_TEST(static_cast<bool>(create_secure_context({.ca = "", .cert = "", .ciphers = "", .key = ""})));
    BOOST_TEST(!tls::secure_context());
    const tls::secure_context one = create_secure_context();
    const tls::secure_context same = one;
    BOOST_TEST((one == same));
    BOOST_TEST((one != create_secure_context()));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_used_is_refused_with_node_s_code_and_a_line_that_names_it,
                     *boost::unit_test::label("BYD-25 CTX-07 CTX-10 CTX-11 CTX-15 CTX-17 CTX-19 CTX-20 CTX-23 "
                                              "CTX-25 CTX-29 CTX-30 DEF-19 ERR-12 ERR-26 ERR-27 B-001 B-002 B-012 "
                                              "B-013 B-019"))
{
    const test::identity& server = all().server;
    const test::identity& rsa = all().server_rsa;
    const std::string broken = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    struct row {
        tls::secure_context_options options;
        std::string code;
        std::string part_of_message;
    };
    const row table[] = {
        // CTX-25, B-001
        {{.cert = server.cert, .key = all().server_a.key}, "ERR_OSSL_X509_KEY_VALUES_MISMATCH", "key values mismatch"},
        {{.cert = server.cert, .key = rsa.key}, "ERR_OSSL_X509_KEY_TYPE_MISMATCH", "cert: key type mismatch"},
        // CTX-07, CTX-23, B-002
        {{.cert = "garbage"}, "ERR_OSSL_PEM_NO_START_LINE", "cert: no start line"},
        {{.cert = broken}, "ERR_OSSL_ASN1_TOO_LONG", "cert: "},
        {{.key = "garbage"}, "ERR_OSSL_UNSUPPORTED", "key: unsupported"},
        {{.cert = server.cert, .key = server.cert}, "ERR_OSSL_UNSUPPORTED", "key: "},
        {{.key = server.encrypted_key("secret")}, "ERR_OSSL_BAD_DECRYPT", "bad decrypt"},
        {{.key = server.encrypted_key("secret"), .passphrase = "wrong"}, "ERR_OSSL_BAD_DECRYPT", "bad decrypt"},
        // BYD-25
        {{.ca = "garbage"}, "ERR_OSSL_PEM_NO_START_LINE", "ca: no start line"},
        {{.ca = {all().root.certificate(), broken}}, "ERR_OSSL_ASN1_TOO_LONG", "ca: "},
        // CTX-10, CTX-11, CTX-15, B-019
        {{.ciphers = ":"}, "ERR_INVALID_ARG_VALUE", "ciphers"},
        {{.ciphers = "FOOBARBAZ"}, "ERR_SSL_NO_CIPHER_MATCH", "ciphers \"FOOBARBAZ\": no cipher match"},
        {{.ciphers = "TLS_not_a_cipher"}, "ERR_SSL_NO_CIPHER_MATCH", "no cipher match"},
        {{.ciphers = "aes256-sha"}, "ERR_SSL_NO_CIPHER_MATCH", "no cipher match"},
        {{.sigalgs = ""}, "ERR_INVALID_ARG_VALUE", "sigalgs"},
        {{.sigalgs = "RSA+NONSENSE"}, "ERR_INVALID_ARG_VALUE", "sigalgs"},
        // CTX-20, B-012
        {{.ecdh_curve = "not-a-curve"}, "ERR_CRYPTO_OPERATION_FAILED", "Failed to set ECDH curve"},
        {{.ecdh_curve = ""}, "ERR_CRYPTO_OPERATION_FAILED", "Failed to set ECDH curve"},
        // CTX-17, CTX-19, B-013
        {{.crl = "garbage"}, "ERR_CRYPTO_OPERATION_FAILED", "Failed to parse CRL"},
        {{.dhparam = small_dh_group}, "ERR_INVALID_ARG_VALUE", "DH parameter is less than 1024 bits"},
        {{.dhparam = "garbage"}, "ERR_OSSL_UNSUPPORTED", "dhparam: "},
        // CTX-29, CTX-30
        {{.max_version = protocol_version::tlsv1_2, .min_version = protocol_version::tlsv1_3},
         "ERR_SSL_NO_PROTOCOLS_AVAILABLE",
         "min_version TLSv1.3 is above max_version TLSv1.2"},
        {{.max_version = static_cast<protocol_version>(0x0300)}, "ERR_TLS_INVALID_PROTOCOL_VERSION", "max_version"},
        // CTX-35, CTX-38
        {{.session_id_context = std::string(33, 'x')}, "ERR_INVALID_ARG_VALUE", "session_id_context"},
        {{.session_timeout = std::chrono::seconds(-1)}, "ERR_OUT_OF_RANGE", "session_timeout"},
        {{.session_timeout = std::chrono::seconds(1ll << 31)}, "ERR_OUT_OF_RANGE", "session_timeout"},
    };
    for (const row& given : table) {
        BOOST_TEST_CONTEXT(given.code << " " << given.part_of_message)
        {
            const std::optional<tls::error> failure = failure_of(given.options);
            BOOST_TEST_REQUIRE(failure.has_value());
            BOOST_TEST(failure->code() == given.code);
            BOOST_TEST(std::string(failure->what()).find(given.part_of_message) != std::string::npos, failure->what());
            BOOST_TEST(std::string(failure->what()).find('\n') == std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_first_thing_that_is_wrong_in_the_order_of_work_decides, *boost::unit_test::label("CTX-04"))
{
    tls::secure_context_options options{.ca = "garbage",
                                        .cert = "garbage",
                                        .ciphers = "FOOBARBAZ",
                                        .ecdh_curve = "not-a-curve",
                                        .key = "garbage",
                                        .sigalgs = ""};
    BOOST_TEST(code_of(options) == "ERR_SSL_NO_CIPHER_MATCH");
    options.ciphers = "";
    BOOST_TEST(std::string(failure_of(options)->what()).starts_with("ca: "));
    options.ca = {};
    BOOST_TEST(std::string(failure_of(options)->what()).starts_with("cert: "));
    options.cert = {};
    BOOST_TEST(std::string(failure_of(options)->what()).starts_with("key: "));
    options.key = tls::key_list();
    BOOST_TEST(code_of(options) == "ERR_INVALID_ARG_VALUE");
    options.sigalgs = std::nullopt;
    BOOST_TEST(code_of(options) == "ERR_CRYPTO_OPERATION_FAILED");
}

BOOST_AUTO_TEST_CASE(without_strict_an_unusable_ca_is_ignored_as_in_node,
                     *boost::unit_test::label("BYD-25 CTX-05 CTX-19"))
{
    BOOST_TEST(code_of({.ca = "garbage", .dhparam = "garbage", .strict = false}) == "");
    engine_pair pair = pair_of({.ca = "garbage", .strict = false}, server_with(all().server));
    BOOST_TEST(!pair.handshake());  // it trusts nobody
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_named_with_its_cause)
{
    const test::credential_files files;
    const tls::pem root = tls::file(files.path("root.pem"));
    BOOST_TEST(root.texts().front() == all().root.certificate());
    BOOST_TEST(root.source() == files.path("root.pem"));
    const auto code_of_file = [](const std::string& path, const std::string& part) -> std::string {
        try {
            tls::file(path);
        } catch (const tls::error& failure) {
            BOOST_TEST(std::string(failure.what()).find(path) != std::string::npos);
            BOOST_TEST(std::string(failure.what()).find(part) != std::string::npos, failure.what());
            return failure.code();
        }
        return "";
    };
    BOOST_TEST(code_of_file(files.path("missing.pem"), "No such file") == "ENOENT");
    BOOST_TEST(code_of_file(files.folder().string(), "directory") == "EISDIR");
    std::ofstream(files.folder() / "empty.pem").flush();
    BOOST_TEST(code_of_file(files.path("empty.pem"), "empty") == "ERR_OSSL_PEM_NO_START_LINE");
    // A message about the contents names the file as well.
    const std::optional<tls::error> failure =
        failure_of({.cert = tls::file(files.path("server.key")), .key = tls::file(files.path("server.key"))});
    BOOST_TEST_REQUIRE(failure.has_value());
    BOOST_TEST(failure->what() == "cert (" + files.path("server.key") + "): no start line");
}

BOOST_AUTO_TEST_CASE(encrypted_keys_open_with_their_own_or_the_shared_passphrase,
                     *boost::unit_test::label("CTX-23 CTX-24 CTX-26 B-002"))
{
    const test::identity& server = all().server;
    const test::identity& rsa = all().server_rsa;
    BOOST_TEST(code_of({.cert = server.cert, .key = server.encrypted_key("secret"), .passphrase = "secret"}) == "");
    BOOST_TEST(code_of({.cert = server.cert, .key = server.key, .passphrase = "not needed"}) == "");
    BOOST_TEST(code_of({.cert = {server.cert, rsa.cert},
                        .key = {{.pem = rsa.encrypted_key("own"), .passphrase = "own"},
                                {.pem = server.encrypted_key("shared")}},
                        .passphrase = "shared"}) == "");
    BOOST_TEST(code_of({.key = {{.pem = rsa.encrypted_key("shared"), .passphrase = "wrong"}},
                        .passphrase = "shared"}) == "ERR_OSSL_BAD_DECRYPT");
}

BOOST_AUTO_TEST_CASE(a_wrong_passphrase_has_one_code_whatever_it_decrypts_to, *boost::unit_test::label("CTX-23"))
{
    const std::string key = all().server.encrypted_key("secret");
    for (int i = 0; i < 1000; ++i)
        BOOST_TEST_REQUIRE(code_of({.key = key, .passphrase = std::to_string(i)}) == "ERR_OSSL_BAD_DECRYPT");
}

BOOST_AUTO_TEST_CASE(pem_is_taken_from_text_bytes_and_lists, *boost::unit_test::label("CTX-05 B-004"))
{
    const std::string& root = all().root.certificate();
    const std::string& other = all().other_root.certificate();
    const tls::pem forms[] = {
        root,
        root.c_str(),
        std::string_view(root),
        test::as_bytes(root),
        other + root,
        {other, root},
        {other + all().server.leaf(), root},
        all().client.leaf() + root,  // B-004: an unrelated certificate in front
    };
    for (const tls::pem& form : forms) {
        engine_pair pair = pair_of({.ca = form}, server_with(all().server));
        BOOST_TEST(pair.handshake());
    }
}

BOOST_AUTO_TEST_CASE(several_identities_serve_side_by_side_in_any_order,
                     *boost::unit_test::label("CTX-07 CTX-08 B-003"))
{
    const test::identity rsa_below = all().intermediate->issue({.key = test::key_kind::rsa_2048});
    const tls::secure_context_options server{.cert = {rsa_below.cert, all().server_below.cert},
                                             .key = {all().server_below.key, rsa_below.key}};
    for (const bool rsa : {false, true}) {
        engine_pair pair = pair_of({.ciphers = rsa ? "ECDHE-RSA-AES256-GCM-SHA384" : "ECDHE-ECDSA-AES256-GCM-SHA384",
                                    .max_version = protocol_version::tlsv1_2},
                                   server);
        BOOST_TEST_REQUIRE(pair.handshake());
        BOOST_TEST(pair.client.engine.get_peer_certificate()->modulus.has_value() == rsa);
    }
}

BOOST_AUTO_TEST_CASE(contexts_do_not_share_trust, *boost::unit_test::label("CTX-40 B-005"))
{
    const tls::secure_context before = create_secure_context();
    const tls::secure_context with_list = create_secure_context({.crl = all().root.revoke({})});
    const tls::secure_context trusting = create_secure_context({.ca = all().root.certificate()});
    const auto code_with = [](const tls::secure_context& client) {
        engine_pair pair(client, {}, create_secure_context(server_with(all().server)), {});
        pair.handshake();
        return pair.client.code();
    };
    BOOST_TEST(code_with(trusting) == "");
    BOOST_TEST(code_with(before) == "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    BOOST_TEST(code_with(create_secure_context()) == "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    BOOST_TEST(code_with(with_list) != "");
}

BOOST_AUTO_TEST_CASE(a_revocation_list_is_asked_for_every_certificate,
                     *boost::unit_test::label("CTX-17 ERR-36 ERR-56 B-035"))
{
    const auto code_with = [](const std::string& list) {
        engine_pair pair = pair_of({.crl = list}, server_with(all().server));
        pair.handshake();
        return pair.client.code();
    };
    BOOST_TEST(code_with(all().root.revoke({})) == "");
    BOOST_TEST(code_with(all().root.revoke({all().server})) == "CERT_REVOKED");
    BOOST_TEST(code_with(all().other_root.revoke({})) == "UNABLE_TO_GET_CRL");
}

BOOST_AUTO_TEST_CASE(ciphers_are_split_between_the_versions,
                     *boost::unit_test::label("CTX-11 CTX-12 CTX-14 CTX-15 GEN-08"))
{
    const auto negotiated = [](tls::secure_context_options options) -> std::string {
        tls::secure_context_options server = server_with(all().server);
        server.ciphers = options.ciphers;
        server.strict_tls13_ciphers = options.strict_tls13_ciphers;
        engine_pair pair = pair_of({}, server);
        if (!pair.handshake())
            return pair.server.code();
        return std::string(pair.client.engine.get_protocol().value_or("")) + " " +
               pair.client.engine.get_cipher()->name;
    };
    BOOST_TEST(negotiated({.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256"}) ==
               "TLSv1.3 TLS_AES_128_GCM_SHA256");
    // Without a name of TLS 1.3, OpenSSL's own suites stay, unless the names are to be taken strictly.
    BOOST_TEST(negotiated({.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"}) == "TLSv1.3 TLS_AES_256_GCM_SHA384");
    BOOST_TEST(negotiated({.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256", .strict_tls13_ciphers = true}) ==
               "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256");
    BOOST_TEST(negotiated({.ciphers = "HIGH:!aNULL:TLS_CHACHA20_POLY1305_SHA256"}) ==
               "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256");
    // An unknown name among good ones is ignored. CTX-15
    BOOST_TEST(code_of({.ciphers = "FOOBARBAZ:ECDHE-ECDSA-AES128-GCM-SHA256"}) == "");
    BOOST_TEST(code_of({.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_not_a_cipher"}) == "ERR_SSL_NO_CIPHER_MATCH");
    BOOST_TEST(code_of({.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
                        .min_version = protocol_version::tlsv1_3,
                        .strict_tls13_ciphers = true}) == "ERR_INVALID_ARG_VALUE");
}

BOOST_AUTO_TEST_CASE(only_names_of_tls_1_3_raise_the_lowest_version, *boost::unit_test::label("CTX-13"))
{
    tls::secure_context_options server = server_with(all().server);
    server.ciphers = "TLS_AES_128_GCM_SHA256";
    engine_pair pair = pair_of({.max_version = protocol_version::tlsv1_2}, server);
    BOOST_TEST(!pair.handshake());
    BOOST_TEST(pair.server.code() == "ERR_SSL_UNSUPPORTED_PROTOCOL");
}

BOOST_AUTO_TEST_CASE(the_highest_common_version_is_used,
                     *boost::unit_test::label("CTX-29 CTX-30 DEF-09 DEF-10 GEN-07 B-015"))
{
    using version = std::optional<protocol_version>;
    struct row {
        version client_min, client_max, server_min, server_max;
        std::string protocol;
    };
    const version v1 = protocol_version::tlsv1, v11 = protocol_version::tlsv1_1, v12 = protocol_version::tlsv1_2,
                  v13 = protocol_version::tlsv1_3, none;
    const row table[] = {
        {none, none, none, none, "TLSv1.3"},
        {none, none, v12, v12, "TLSv1.2"},
        {v12, v12, none, none, "TLSv1.2"},
        {v13, v13, none, none, "TLSv1.3"},
        {v1, v1, v1, v13, "TLSv1"},
        {v1, v11, v1, v13, "TLSv1.1"},
        {v1, v1, none, none, ""},
        {v1, v13, v11, v11, "TLSv1.1"},
    };
    for (const row& given : table) {
        tls::secure_context_options server = server_with(all().server);
        server.min_version = given.server_min;
        server.max_version = given.server_max;
        server.ciphers = "ALL:@SECLEVEL=0";
        engine_pair pair = pair_of(
            {.ciphers = "ALL:@SECLEVEL=0", .max_version = given.client_max, .min_version = given.client_min}, server);
        BOOST_TEST(pair.handshake() == !given.protocol.empty());
        if (!given.protocol.empty()) {
            BOOST_TEST(pair.client.engine.get_protocol().value_or("") == given.protocol);
            BOOST_TEST(pair.server.engine.get_protocol().value_or("") == given.protocol);
        }
    }
}

BOOST_AUTO_TEST_CASE(dhe_needs_dhparam, *boost::unit_test::label("CTX-18 GEN-05 B-013"))
{
    const tls::secure_context_options client{.ciphers = "DHE-RSA-AES128-GCM-SHA256",
                                             .max_version = protocol_version::tlsv1_2};
    tls::secure_context_options server = server_with(all().server_rsa);
    engine_pair without = pair_of(client, server);
    BOOST_TEST(!without.handshake());
    BOOST_TEST(without.server.code() == "ERR_SSL_NO_SHARED_CIPHER");
    server.dhparam = "auto";
    engine_pair with = pair_of(client, server);
    BOOST_TEST(with.handshake());
}

BOOST_AUTO_TEST_CASE(groups_and_signature_algorithms_must_have_something_in_common,
                     *boost::unit_test::label("CTX-10 CTX-20 B-026"))
{
    tls::secure_context_options server = server_with(all().server_rsa);
    server.ecdh_curve = "P-384:P-256";
    engine_pair curves = pair_of({.ecdh_curve = "X25519"}, server);
    BOOST_TEST(!curves.handshake());
    BOOST_TEST(curves.client.code() == "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE");
    engine_pair second_choice = pair_of({.ecdh_curve = "X25519:P-256"}, server);
    BOOST_TEST(second_choice.handshake());
    for (const char* list : {"P-256", "secp256k1:prime256v1:secp521r1", "auto"})
        BOOST_TEST(code_of({.ecdh_curve = list}) == "");

    server = server_with(all().server_rsa);
    server.sigalgs = "RSA-PSS+SHA512";
    engine_pair algorithms = pair_of({.sigalgs = "RSA-PSS+SHA256:RSA-PSS+SHA384"}, server);
    BOOST_TEST(!algorithms.handshake());
    BOOST_TEST(algorithms.server.code() == "ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS");
}

BOOST_AUTO_TEST_CASE(secure_options_are_added_to_the_built_in_ones, *boost::unit_test::label("CTX-33"))
{
    tls::secure_context_options server = server_with(all().server);
    server.secure_options = tls::secure_option::no_tlsv1_3;
    engine_pair pair = pair_of({}, server);
    BOOST_TEST_REQUIRE(pair.handshake());
    BOOST_TEST(pair.client.engine.get_protocol().value_or("") == "TLSv1.2");
}

BOOST_AUTO_TEST_CASE(fewer_tickets_make_a_shorter_handshake, *boost::unit_test::label("SES-03"))
{
    const auto bytes_after_handshake = [](std::optional<unsigned> tickets) {
        tls::secure_context_options options = server_with(all().server);
        options.session_tickets = tickets;
        engine_pair pair = pair_of({}, options);
        pair.client.step();
        pair.server.engine.feed(test::as_bytes(test::take_output(pair.client.engine)));
        pair.server.step();
        pair.client.engine.feed(test::as_bytes(test::take_output(pair.server.engine)));
        pair.client.step();
        pair.server.engine.feed(test::as_bytes(test::take_output(pair.client.engine)));
        pair.server.step();
        BOOST_TEST(pair.server.engine.handshake_done());
        return pair.server.engine.output_size();
    };
    BOOST_TEST(bytes_after_handshake(0) == 0u);
    BOOST_TEST(bytes_after_handshake(1) > 100u);
    BOOST_TEST(bytes_after_handshake(2) == 2 * bytes_after_handshake(1));
    BOOST_TEST(bytes_after_handshake(std::nullopt) == bytes_after_handshake(2));
}

BOOST_AUTO_TEST_CASE(a_context_outlives_its_handle_in_engines)
{
    engine_pair pair = pair_of({}, server_with(all().server));
    BOOST_TEST(pair.handshake());
    engine_pair again = pair_of({}, server_with(all().server));
    BOOST_TEST(again.handshake());
}

BOOST_AUTO_TEST_SUITE_END()
