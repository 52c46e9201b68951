#include <coil/tls/private_key.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/thrown_code.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace coil;
using test::key_kind;
using tls::signature_scheme;

namespace {

tls::signature_request request(signature_scheme scheme)
{
    return {.message = std::vector<std::byte>(100, std::byte{5}), .scheme = scheme};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(private_key_test)

// That the signatures are right is for handshakes to say: signer_test.
BOOST_AUTO_TEST_CASE(a_key_signs_with_the_schemes_of_its_kind_only)
{
    const std::pair<key_kind, std::vector<signature_scheme>> rows[] = {
        {key_kind::ec_p256, {signature_scheme::ecdsa_sha256, signature_scheme::ecdsa_sha1}},
        {key_kind::ed25519, {signature_scheme::ed25519}},
        {key_kind::ed448, {signature_scheme::ed448}},
        {key_kind::rsa_2048, {signature_scheme::rsa_pkcs1_sha256, signature_scheme::rsa_pss_rsae_sha384}},
        {key_kind::rsa_pss_2048, {signature_scheme::rsa_pss_pss_sha256}},
    };
    for (const auto& [kind, own] : rows) {
        const tls::private_key key(test::self_signed({.key = kind}).key);
        for (const auto& [other_kind, schemes] : rows)
            for (const signature_scheme scheme : schemes) {
                if (kind == other_kind)
                    BOOST_TEST(!key.sign(request(scheme)).bytes.empty());
                else
                    BOOST_TEST(test::thrown_code([&] { static_cast<void>(key.sign(request(scheme))); }) ==
                               "ERR_INVALID_ARG_VALUE");
            }
    }
}

BOOST_AUTO_TEST_CASE(keys_are_read_as_those_of_contexts_are)
{
    const test::identity& who = test::shared_credentials().server;
    const std::string encrypted = who.encrypted_key("secret");
    BOOST_TEST(!tls::private_key(encrypted, "secret").sign(request(signature_scheme::ecdsa_sha256)).bytes.empty());
    const auto code = [](const tls::pem& key, const std::optional<std::string>& passphrase = {}) {
        return test::thrown_code([&] { static_cast<void>(tls::private_key(key, passphrase)); });
    };
    BOOST_TEST(code(encrypted, "wrong") == "ERR_OSSL_BAD_DECRYPT");
    BOOST_TEST(code(encrypted) != "none");
    BOOST_TEST(code("nonsense") == "ERR_OSSL_UNSUPPORTED");
    BOOST_TEST(code(tls::pem()) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code({who.key, who.key}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code(who.key + who.key) == "ERR_INVALID_ARG_VALUE");
}

BOOST_AUTO_TEST_SUITE_END()
