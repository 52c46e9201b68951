// Keys that are elsewhere: a handshake asks for each signature.
#include <coil/tls/private_key.hpp>
#include <coil/tls/signature.hpp>

#include <coil/tls/engine.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"
#include "tests/support/thrown_code.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace coil;
using boost::unit_test::label;
using test::engine_pair;
using test::key_kind;
using tls::protocol_version;
using tls::signature_scheme;
using tls::status;

namespace {

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

const test::credentials& all()
{
    return test::shared_credentials();
}

/// Nobody: the owner of the engine answers.
tls::signature nobody(const tls::signature_request&)
{
    BOOST_ERROR("a signer of a context is asked behind the back of the engine's owner");
    return std::vector<std::byte>();
}

tls::secure_context_options elsewhere(const test::identity& who, protocol_version version)
{
    return {.ca = all().root.certificate(),
            .cert = who.cert,
            .key = {{.signer = nobody}},
            .max_version = version,
            .min_version = version};
}

tls::secure_context trusting(protocol_version version)
{
    return tls::create_secure_context({.ca = all().root.certificate() + all().other_root.certificate(),
                                       .max_version = version,
                                       .min_version = version});
}

using answer = std::function<tls::signature(const tls::signature_request&)>;

std::function<void(tls::engine&)> signing(answer sign)
{
    return [sign = std::move(sign)](tls::engine& asking) {
        const auto* const request = std::get_if<tls::signature_request>(&asking.asked());
        BOOST_TEST_REQUIRE(request);
        try {
            asking.answer(sign(*request));
        } catch (...) {
            asking.fail(std::current_exception());
        }
    };
}

answer with_key_of(const test::identity& who)
{
    return [key = tls::private_key(who.key)](const tls::signature_request& request) { return key.sign(request); };
}

engine_pair pair_of(const test::identity& who, protocol_version version, answer sign)
{
    engine_pair pair(trusting(version), {.servername = "localhost"},
                     tls::create_secure_context(elsewhere(who, version)), {});
    pair.server.answer = signing(std::move(sign));
    return pair;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(signer_test)

BOOST_AUTO_TEST_CASE(keys_of_each_kind_may_be_elsewhere_on_both_sides, *label("BYD-29"))
{
    for (const key_kind kind : {key_kind::ec_p256, key_kind::ec_p384, key_kind::ed25519, key_kind::ed448,
                                key_kind::rsa_2048, key_kind::rsa_pss_2048})
        for (const protocol_version version : both_versions) {
            const test::identity who = all().root.issue({.key = kind});
            int asked = 0;
            const answer sign = [&, key = tls::private_key(who.key)](const tls::signature_request& request) {
                ++asked;
                BOOST_TEST(request.cert->subject->get("CN").value() == "localhost");
                BOOST_TEST((request.signer ? true : false));
                return key.sign(request);
            };
            const tls::secure_context context = tls::create_secure_context(elsewhere(who, version));
            engine_pair pair(context, {.servername = "localhost"}, context, {.request_cert = true});
            pair.client.answer = pair.server.answer = signing(sign);
            BOOST_TEST_CONTEXT("kind " << static_cast<int>(kind) << ", " << tls::to_string(version))
            {
                BOOST_TEST(pair.handshake());
                BOOST_TEST(pair.client.code() == "");
                BOOST_TEST(pair.server.code() == "");
                BOOST_TEST(pair.client.engine.authorized());
                BOOST_TEST(pair.server.engine.authorized());
                BOOST_TEST(asked == 2);
                BOOST_TEST(pair.client.write("signed elsewhere"));
                pair.pump();
                BOOST_TEST(pair.server.received == "signed elsewhere");
            }
        }
}

BOOST_AUTO_TEST_CASE(a_request_says_what_is_signed_and_how, *label("BYD-29"))
{
    for (const protocol_version version : both_versions) {
        const bool old = version == protocol_version::tlsv1_2;
        std::vector<tls::signature_request> seen;
        engine_pair pair = pair_of(all().server_rsa, version,
                                   [&, sign = with_key_of(all().server_rsa)](const tls::signature_request& request) {
                                       seen.push_back(request);
                                       return sign(request);
                                   });
        BOOST_TEST(pair.handshake());
        BOOST_TEST_REQUIRE(seen.size() == 1u);
        BOOST_TEST((seen[0].scheme == signature_scheme::rsa_pss_rsae_sha256));
        // RFC 8446 §4.4.3: 64 spaces, a text, a separator and a digest; before: both random values and the parameters.
        const std::string text(reinterpret_cast<const char*>(seen[0].message.data()), seen[0].message.size());
        BOOST_TEST(text.starts_with(std::string(64, ' ') + "TLS 1.3, server CertificateVerify") == !old);
        BOOST_TEST(seen[0].digest().size() == 32u);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_signature_with_that_key_is_never_sent, *label("BYD-29"))
{
    const answer good = with_key_of(all().server);
    const std::pair<std::string, answer> rows[] = {
        {"nothing", [](const tls::signature_request&) { return std::vector<std::byte>(); }},
        {"rubbish", [](const tls::signature_request&) { return std::vector<std::byte>(64, std::byte{1}); }},
        {"far too much", [](const tls::signature_request&) { return std::vector<std::byte>(100'000, std::byte{1}); }},
        {"another key's", with_key_of(all().server_a)},
        {"one bit less", [good](const tls::signature_request& request) {
             tls::signature made = good(request);
             made.bytes.back() ^= std::byte{1};
             return made;
         }}};
    for (const auto& [what, sign] : rows)
        for (const protocol_version version : both_versions) {
            engine_pair pair = pair_of(all().server, version, sign);
            BOOST_TEST_CONTEXT(what)
            {
                BOOST_TEST(!pair.handshake());
                BOOST_TEST(pair.server.code() == "ERR_TLS_INVALID_SIGNATURE");
                BOOST_TEST(pair.client.code() == "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
                BOOST_TEST(ERR_peek_error() == 0u);
            }
        }
}

BOOST_AUTO_TEST_CASE(a_signer_that_refuses_or_fails_ends_its_handshake, *label("BYD-29"))
{
    for (const protocol_version version : both_versions) {
        engine_pair thrown = pair_of(all().server, version, [](const tls::signature_request&) -> tls::signature {
            throw std::runtime_error("x");
        });
        BOOST_TEST(!thrown.handshake());
        BOOST_TEST(thrown.server.code() == "ERR_TLS_HANDLER_FAILED");
        BOOST_CHECK_THROW(std::rethrow_exception(thrown.server.engine.error_info().exception), std::runtime_error);
        engine_pair refused = pair_of(all().server, version, {});
        refused.server.answer = [](tls::engine& asking) { asking.refuse(); };
        BOOST_TEST(!refused.handshake());
        BOOST_TEST(refused.server.code() == "ERR_TLS_HANDSHAKE_REFUSED");
        engine_pair waiting = pair_of(all().server, version, {});
        waiting.server.answer = {};
        BOOST_TEST(!waiting.handshake());  // and is destroyed while it waits
        BOOST_TEST((waiting.server.status == status::want_answer));
    }
}

BOOST_AUTO_TEST_CASE(answers_to_other_questions_may_bring_keys_that_are_elsewhere, *label("BYD-29 SNI-13"))
{
    for (const protocol_version version : both_versions)
        for (const bool by_protocol : {false, true}) {
            engine_pair pair(trusting(version), {.alpn_protocols = {"h2"}, .servername = "b.example.com"},
                             tls::create_secure_context({.cert = all().server.cert, .key = all().server.key}),
                             {.ask = {.alpn = by_protocol, .client_hello = !by_protocol}});
            const tls::secure_context other = tls::create_secure_context(elsewhere(all().server_b, version));
            pair.server.answer = [&](tls::engine& asking) {
                if (std::holds_alternative<tls::client_hello>(asking.asked()))
                    asking.answer(tls::sni_answer(other));
                else if (std::holds_alternative<tls::alpn_request>(asking.asked()))
                    asking.answer(tls::alpn_answer(tls::alpn_settings{other, "h2"}));
                else
                    signing(with_key_of(all().server_b))(asking);
            };
            BOOST_TEST(pair.handshake());
            BOOST_TEST(pair.client.code() == "");
            BOOST_TEST(pair.client.engine.get_peer_certificate()->subject->get("CN").value() == "b.example.com");
        }
    engine_pair early(trusting(protocol_version::tlsv1_3), {.servername = "b.example.com"},
                      tls::create_secure_context({.cert = all().server.cert, .key = all().server.key}), {});
    early.server.engine.set_key_cert(tls::create_secure_context(elsewhere(all().server_b, protocol_version::tlsv1_3)));
    early.server.answer = signing(with_key_of(all().server_b));
    BOOST_TEST(early.handshake());
}

BOOST_AUTO_TEST_CASE(signers_belong_to_certificates, *label("BYD-29"))
{
    using tls::create_secure_context;
    const auto code = [](const tls::secure_context_options& options) {
        return test::thrown_code([&] { static_cast<void>(create_secure_context(options)); });
    };
    const tls::key_entry named{.pem = all().server.cert, .signer = nobody};
    BOOST_TEST(code({.cert = all().server.cert, .key = {named}}) == "none");
    // One key here and one elsewhere.
    BOOST_TEST(code({.cert = {all().server.cert, all().server_rsa.cert},
                     .key = {{.pem = all().server_rsa.key}, {.signer = nobody}}}) == "none");
    BOOST_TEST(code({.key = {{.signer = nobody}}}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code({.cert = all().server_a.cert, .key = {named}}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code({.cert = all().server.cert, .key = {{.pem = all().server.key}, {.signer = nobody}}}) ==
               "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code({.cert = all().server.cert, .key = {{.pem = "nonsense", .signer = nobody}}}) != "none");
    BOOST_TEST(code({.cert = all().server.cert, .key = {{.passphrase = "x", .signer = nobody}}}) ==
               "ERR_INVALID_ARG_VALUE");
}

BOOST_AUTO_TEST_CASE(suites_that_would_have_to_decrypt_are_off, *label("BYD-29"))
{
    tls::secure_context_options options = elsewhere(all().server_rsa, protocol_version::tlsv1_2);
    options.ciphers = "AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
    tls::secure_context_options old{
        .ca = all().root.certificate(), .ciphers = "AES128-GCM-SHA256", .max_version = protocol_version::tlsv1_2};
    engine_pair pair(tls::create_secure_context(old), {.servername = "localhost"}, tls::create_secure_context(options),
                     {});
    pair.server.answer = signing(with_key_of(all().server_rsa));
    BOOST_TEST(!pair.handshake());
    BOOST_TEST(pair.server.code() == "ERR_SSL_NO_SHARED_CIPHER");
    options.ciphers = "AES128-GCM-SHA256";
    BOOST_TEST(test::thrown_code([&] { static_cast<void>(tls::create_secure_context(options)); }) ==
               "ERR_INVALID_ARG_VALUE");
    options.ciphers = "AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
    old.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
    engine_pair with_signature(tls::create_secure_context(old), {.servername = "localhost"},
                               tls::create_secure_context(options), {});
    with_signature.server.answer = signing(with_key_of(all().server_rsa));
    BOOST_TEST(with_signature.handshake());
}

BOOST_AUTO_TEST_CASE(all_other_keys_of_the_process_stay_as_they_are)
{
    const tls::secure_context context = tls::create_secure_context(elsewhere(all().server, protocol_version::tlsv1_3));
    EVP_PKEY* const made = EVP_EC_gen("P-256");
    BOOST_TEST_REQUIRE(made);
    EVP_MD_CTX* const digest = EVP_MD_CTX_new();
    std::size_t size = 0;
    BOOST_TEST(EVP_DigestSignInit_ex(digest, nullptr, "SHA256", nullptr, nullptr, made, nullptr) == 1);
    BOOST_TEST(EVP_DigestSign(digest, nullptr, &size, reinterpret_cast<const unsigned char*>("x"), 1) == 1);
    EVP_MD_CTX_free(digest);
    EVP_PKEY_free(made);
}

BOOST_AUTO_TEST_SUITE_END()
