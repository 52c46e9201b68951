#include <coil/tls/constants.hpp>

#include <coil/tls/error.hpp>
#include <coil/tls/secure_context.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

using namespace coil;
using tls::protocol_version;

BOOST_AUTO_TEST_SUITE(constants_test)

BOOST_AUTO_TEST_CASE(versions_have_node_s_names, *boost::unit_test::label("CTX-29 ERR-12 B-017"))
{
    for (const std::string_view name : {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"})
        BOOST_TEST(tls::to_string(tls::parse_protocol_version(name)) == name);
    for (const std::string_view name : {"", "SSLv3", "tlsv1.2", "TLSv1.4", "TLSv1.2 "})
        BOOST_CHECK_EXCEPTION(tls::parse_protocol_version(name), tls::error, [](const tls::error& failure) {
            return failure.code() == "ERR_TLS_INVALID_PROTOCOL_VERSION";
        });
}

BOOST_AUTO_TEST_CASE(the_default_ciphers_are_the_documented_24, *boost::unit_test::label("DEF-04 DEF-05"))
{
    const std::string list(tls::default_core_cipher_list);
    BOOST_TEST(std::count(list.begin(), list.end(), ':') == 23);
    BOOST_TEST(list.starts_with("TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"));
    BOOST_TEST(list.ends_with("HIGH:!aNULL:!eNULL:!EXPORT:!DES:!RC4:!MD5:!PSK:!SRP:!CAMELLIA"));
}

BOOST_AUTO_TEST_CASE(defaults_are_as_documented_and_can_be_replaced,
                     *boost::unit_test::label("DEF-01 to DEF-03 DEF-09 DEF-10 DEF-25 B-018"))
{
    const tls::settings before = tls::defaults();
    BOOST_TEST(before.client_reneg_limit == 3u);
    BOOST_TEST((before.client_reneg_window == std::chrono::seconds(600)));
    BOOST_TEST(before.ecdh_curve == "auto");
    BOOST_TEST((before.min_version == protocol_version::tlsv1_2));
    BOOST_TEST((before.max_version == protocol_version::tlsv1_3));
    BOOST_TEST((tls::default_handshake_timeout == std::chrono::milliseconds(120'000)));
    BOOST_TEST((tls::default_session_timeout == std::chrono::seconds(300)));

    tls::settings changed = before;
    changed.ciphers = "FOOBARBAZ";
    tls::set_defaults(changed);
    BOOST_CHECK_THROW(tls::create_secure_context(), tls::error);
    BOOST_CHECK_NO_THROW(tls::create_secure_context({.ciphers = "HIGH"}));
    tls::set_defaults(before);
    BOOST_CHECK_NO_THROW(tls::create_secure_context());
}

BOOST_AUTO_TEST_CASE(the_built_in_roots_are_clean_pem_without_duplicates, *boost::unit_test::label("DEF-17 B-014"))
{
    const auto roots = tls::root_certificates();
    BOOST_TEST(roots.size() > 100u);
    for (const std::string_view root : roots) {
        BOOST_TEST(root.starts_with("-----BEGIN CERTIFICATE-----\n"));
        BOOST_TEST(root.ends_with("\n-----END CERTIFICATE-----"));
    }
    BOOST_TEST(std::set<std::string_view>(roots.begin(), roots.end()).size() == roots.size());
    BOOST_TEST((tls::root_certificates().data() == roots.data()));
}

BOOST_AUTO_TEST_CASE(cipher_names_are_sorted_in_lower_case_and_complete, *boost::unit_test::label("DEF-18 DEF-19"))
{
    const std::vector<std::string> names = tls::get_ciphers();
    BOOST_TEST(std::is_sorted(names.begin(), names.end()));
    BOOST_TEST((std::adjacent_find(names.begin(), names.end()) == names.end()));
    for (const char* expected : {"tls_aes_256_gcm_sha384", "tls_aes_128_ccm_8_sha256", "aes256-sha",
                                 "ecdhe-rsa-aes128-gcm-sha256", "psk-aes128-gcm-sha256"})
        BOOST_TEST(std::binary_search(names.begin(), names.end(), expected), expected);
    for (const std::string& name : names)
        BOOST_TEST(std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
}

BOOST_AUTO_TEST_CASE(every_curve_is_accepted_or_refused_cleanly, *boost::unit_test::label("CTX-41"))
{
    const std::vector<std::string> names = tls::get_curves();
    BOOST_TEST(std::binary_search(names.begin(), names.end(), "prime256v1"));
    std::size_t accepted = 0;
    for (const std::string& name : names) {
        try {
            tls::create_secure_context({.ecdh_curve = name});
            ++accepted;
        } catch (const tls::error& failure) {
            BOOST_TEST(failure.code() == "ERR_CRYPTO_OPERATION_FAILED");
        }
    }
    BOOST_TEST(accepted >= 3u);
}

BOOST_AUTO_TEST_SUITE_END()
