#include <coil/tls/negotiated.hpp>

#include <coil/tls/engine.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"
#include "tests/support/thrown_code.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

using namespace coil;
using test::engine_pair;
using tls::engine_options;
using tls::protocol_version;
using tls::role;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

engine_pair plain_pair(protocol_version version, engine_options client = {}, engine_options server = {})
{
    return engine_pair(
        tls::create_secure_context({.ca = all().root.certificate(), .max_version = version}), std::move(client),
        tls::create_secure_context({.cert = all().server.cert, .key = all().server.key}), std::move(server));
}

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

}  // namespace

BOOST_AUTO_TEST_SUITE(negotiated_test)

BOOST_AUTO_TEST_CASE(getters_tell_what_was_negotiated,
                     *boost::unit_test::label("GEN-04 SOCK-18 SOCK-19 SOCK-21 SOCK-22 SOCK-26 SOCK-36 B-084"))
{
    for (const protocol_version version : both_versions) {
        engine_pair pair = plain_pair(version, {.servername = "localhost"});
        const tls::engine& client = pair.client.engine;
        const tls::engine& server = pair.server.engine;
        BOOST_TEST(client.get_protocol().value_or("") == "unknown");
        BOOST_TEST(!client.get_cipher());
        BOOST_TEST(!client.get_finished());
        BOOST_TEST(!client.get_peer_certificate());
        BOOST_TEST(!client.authorized());
        BOOST_TEST_REQUIRE(pair.handshake());
        BOOST_TEST((client.role() == role::client));
        BOOST_TEST(client.get_cipher()->name == server.get_cipher()->name);
        BOOST_TEST(client.get_cipher()->standard_name.starts_with("TLS_"));
        BOOST_TEST((client.get_finished() == server.get_peer_finished()));
        BOOST_TEST((client.get_peer_finished() == server.get_finished()));
        BOOST_TEST(!client.get_finished()->empty());
        BOOST_TEST((server.servername() == std::optional<std::string_view>("localhost")));
        BOOST_TEST(!client.is_session_reused());
        BOOST_TEST(client.authorized());
        BOOST_TEST(!client.authorization_error());
        BOOST_TEST(!server.authorized());
        BOOST_TEST(!server.authorization_error());
        BOOST_TEST(client.get_peer_certificate()->fingerprint256 == server.get_certificate()->fingerprint256);
        BOOST_TEST(!server.get_peer_certificate());
        BOOST_TEST(!client.get_certificate());
    }
}

BOOST_AUTO_TEST_CASE(both_ends_export_the_same_key_material, *boost::unit_test::label("ERR-13 SOCK-17 B-083"))
{
    for (const protocol_version version : both_versions) {
        engine_pair pair = plain_pair(version);
        const auto code_of = [&](std::size_t length) {
            return test::thrown_code([&] { pair.client.engine.export_keying_material(length, "label"); });
        };
        BOOST_TEST(code_of(32) == "ERR_TLS_INVALID_STATE");
        BOOST_TEST_REQUIRE(pair.handshake());
        BOOST_TEST(code_of(0) == "ERR_OUT_OF_RANGE");
        const auto context = test::as_bytes("context");
        const auto mine = pair.client.engine.export_keying_material(64, "EXPERIMENTAL", context);
        BOOST_TEST(mine.size() == 64u);
        BOOST_TEST((mine == pair.server.engine.export_keying_material(64, "EXPERIMENTAL", context)));
        BOOST_TEST((mine != pair.server.engine.export_keying_material(64, "EXPERIMENTAL")));
    }
}

BOOST_AUTO_TEST_SUITE_END()
