// Which certificate a client has for a server that asks, and what a server decides by all of a ClientHello.
#include <coil/tls/client_certificate_request.hpp>

#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include "tests/support/engine_pair.hpp"
#include "tests/support/thrown_code.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using boost::unit_test::label;
using test::engine_pair;
using test::name_of;
using tls::protocol_version;

namespace {

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

const test::credentials& all()
{
    return test::shared_credentials();
}

tls::secure_context identity_context(const test::identity& who)
{
    return tls::create_secure_context({.cert = who.cert, .key = who.key});
}

/// The certificate of whom the server trusts.
tls::secure_context choose(const std::vector<tls::distinguished_name>& authorities)
{
    const auto names = [&authorities](std::string_view name) {
        return std::ranges::any_of(authorities, [name](const auto& each) { return each.get("CN") == name; });
    };
    if (names("coil other root"))
        return identity_context(all().foreign_client);
    return names("coil test root") ? identity_context(all().client) : tls::secure_context();
}

std::string peer_of(const tls::negotiated& of)
{
    const auto cert = of.get_peer_certificate();
    return cert ? std::string(cert->subject->get("CN").value_or("")) : "none";
}

/// A server that asks for certificates of `root`, and a client that is asked which it has.
engine_pair asking_pair(protocol_version version, const test::authority& root, std::function<void(tls::engine&)> answer)
{
    tls::secure_context_options of_server = test::only(version);
    of_server.ca = root.certificate();
    of_server.cert = all().server.cert;
    of_server.key = all().server.key;
    tls::secure_context_options of_client = test::only(version);
    of_client.ca = all().root.certificate();
    of_client.cert = all().client.cert;
    of_client.key = all().client.key;
    engine_pair pair(tls::create_secure_context(of_client),
                     {.ask = {.client_certificate = true}, .servername = "localhost"},
                     tls::create_secure_context(of_server), {.reject_unauthorized = false, .request_cert = true});
    pair.client.answer = std::move(answer);
    return pair;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(client_certificate_request_test)

BOOST_AUTO_TEST_CASE(a_client_chooses_its_certificate_by_the_authorities_of_the_server)
{
    for (const protocol_version version : both_versions)
        for (const auto& [root, chosen] :
             {std::pair(&all().root, "client"), std::pair(&all().other_root, "foreign client")}) {
            int asked = 0;
            engine_pair pair = asking_pair(version, *root, [&asked](tls::engine& asking) {
                const auto& request = std::get<tls::client_certificate_request>(asking.asked());
                BOOST_TEST(request.authorities.size() == 1u);
                BOOST_TEST(std::ranges::count(request.signature_algorithms, 0x0403) == 1);  // ecdsa_secp256r1_sha256
                ++asked;
                asking.answer(tls::client_certificate(choose(request.authorities)));
            });
            BOOST_TEST(pair.handshake());
            BOOST_TEST(asked == 1);
            BOOST_TEST(peer_of(pair.server.engine) == chosen);
            BOOST_TEST(pair.server.engine.authorized());
        }
}

BOOST_AUTO_TEST_CASE(no_choice_is_the_context_s_own_certificate_and_a_refusal_the_end)
{
    for (const protocol_version version : both_versions) {
        engine_pair own = asking_pair(version, all().other_root, [](tls::engine& asking) {
            asking.answer(tls::client_certificate(tls::secure_context()));
        });
        BOOST_TEST(own.handshake());
        BOOST_TEST(peer_of(own.server.engine) == "client");
        engine_pair refused = asking_pair(version, all().root, [](tls::engine& asking) { asking.refuse(); });
        BOOST_TEST(!refused.handshake());
        BOOST_TEST(refused.client.code() == "ERR_TLS_HANDSHAKE_REFUSED");
        engine_pair thrown = asking_pair(version, all().root, [](tls::engine& asking) {
            asking.fail(std::make_exception_ptr(std::runtime_error("no card")));
        });
        BOOST_TEST(!thrown.handshake());
        BOOST_TEST(thrown.client.code() == "ERR_TLS_HANDLER_FAILED");
        BOOST_TEST(thrown.server.code() == "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
    }
}

BOOST_AUTO_TEST_CASE(nobody_is_asked_where_the_server_does_not_ask)
{
    engine_pair pair(tls::create_secure_context({.ca = all().root.certificate()}),
                     {.ask = {.client_certificate = true}, .servername = "localhost"}, identity_context(all().server),
                     {});
    pair.client.answer = [](tls::engine&) { BOOST_ERROR("a client is asked for a certificate that nobody wants"); };
    BOOST_TEST(pair.handshake());
}

BOOST_AUTO_TEST_CASE(handlers_choose_certificates_on_both_sides)
{
    test::run([]() -> task<> {
        std::vector<std::string> clients;
        tls::server_options options{.request_cert = true};
        options.client_hello_callback = [](tls::client_hello hello) -> task<tls::sni_answer> {
            static_cast<void>(co_await sleep_for(2ms));
            BOOST_TEST(hello.servername == "");
            co_return tls::create_secure_context(
                {.ca = all().other_root.certificate(), .cert = all().server_a.cert, .key = all().server_a.key});
        };
        tls::server server =
            tls::create_server(test::serving(all().server, std::move(options), {.ca = all().root.certificate()}),
                               [&clients](tls::socket socket) {
                                   clients.push_back(peer_of(socket));
                                   return test::echo(std::move(socket));
                               });
        tls::connect_options how = test::client_of(test::listen_anywhere(server), {.reject_unauthorized = false});
        how.servername = "";
        how.client_certificate_callback = [](tls::client_certificate_request request) -> task<tls::secure_context> {
            static_cast<void>(co_await sleep_for(2ms));
            co_return choose(request.authorities);
        };
        tls::socket client = tls::connect(std::move(how));
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "");
        auto echoing = test::echoes(client, "chosen");
        const bool echoed = co_await echoing;
        BOOST_TEST(echoed);
        BOOST_TEST(peer_of(client) == "a.example.com");
        BOOST_TEST((clients == std::vector<std::string>{"foreign client"}));
    });
}

BOOST_AUTO_TEST_CASE(options_of_the_other_role_and_contradictions_are_refused, *label("BYD-38"))
{
    const auto around = [](bool is_server, auto change) {
        return test::thrown_code([&] {
            tls::socket_options options{.is_server = is_server, .secure_context = identity_context(all().server)};
            change(options);
            const tls::socket never(net::connect({.port = 1}), std::move(options));
        });
    };
    const auto hello = [](auto& options) { options.client_hello_callback = [] { return tls::secure_context(); }; };
    const auto certificate = [](auto& options) {
        options.client_certificate_callback = [] { return tls::secure_context(); };
    };
    const auto both = [hello](auto& options) {
        hello(options);
        options.sni_callback = [] { return tls::secure_context(); };
    };
    test::run([&]() -> task<> {
        BOOST_TEST(around(false, hello) == "ERR_INVALID_ARG_VALUE");
        BOOST_TEST(around(true, certificate) == "ERR_INVALID_ARG_VALUE");
        BOOST_TEST(around(true, both) == "ERR_INVALID_ARG_VALUE");
        BOOST_TEST(around(true, hello) == "none");
        BOOST_TEST(around(false, certificate) == "none");
        co_return;
    });
}

BOOST_AUTO_TEST_SUITE_END()
