#include <coil/tls/offload_signing.hpp>

#include <coil/runtime/scope.hpp>
#include <coil/tls/private_key.hpp>
#include <coil/tls/tls.hpp>

#include "tests/support/thrown_code.hpp"
#include "tests/support/tls_loopback.hpp"
#include "tests/support/waiting_handlers.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using boost::unit_test::label;
using test::name_of;
using test::stacks_in_use;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

tls::server_options signed_by(const test::identity& who, tls::signer signer)
{
    return {.secure_context = {{.cert = who.cert, .key = {{.signer = std::move(signer)}}}}};
}

/// @return why no connection came about; empty if one did.
task<std::string> visit(std::uint16_t port)
{
    tls::socket client = tls::connect(test::client_of(port));
    auto connecting = client.secure_connect();
    const result<> connected = co_await connecting;
    if (!connected)
        co_return name_of(connected);
    auto echoing = test::echoes(client, "signed");
    const bool echoed = co_await echoing;
    co_return echoed ? "" : "no echo";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(offload_signing_test)

BOOST_AUTO_TEST_CASE(a_key_may_sign_on_other_threads, *label("BYD-29"))
{
    for (const tls::protocol_version version : {tls::protocol_version::tlsv1_2, tls::protocol_version::tlsv1_3})
        test::run([version]() -> task<> {
            tls::secure_context_options context = test::only(version);
            context.cert = all().server_rsa.cert;
            context.key = {{.signer = tls::offload_signing(all().server_rsa.encrypted_key("secret"), "secret")}};
            tls::server server = tls::create_server({.secure_context = {context}}, test::echo);
            const std::uint16_t port = test::listen_anywhere(server);
            std::vector<std::string> failures;
            const auto one = [&]() -> task<> {
                auto visiting = visit(port);
                failures.push_back(co_await visiting);
            };
            scope many;
            for (int i = 0; i < 8; ++i)
                many.spawn(one);
            co_await many.join();
            BOOST_TEST((failures == std::vector<std::string>(8)));
            BOOST_TEST(stacks_in_use() == 0u);
        });
}

BOOST_AUTO_TEST_CASE(a_key_that_cannot_be_read_is_refused_at_once)
{
    BOOST_TEST(test::thrown_code([] { tls::offload_signing("nonsense"); }) == "ERR_OSSL_UNSUPPORTED");
}

BOOST_AUTO_TEST_CASE(a_signer_of_the_wrong_key_fails_each_handshake_and_not_the_server, *label("BYD-29"))
{
    test::run([]() -> task<> {
        tls::server server =
            tls::create_server(signed_by(all().server, tls::offload_signing(all().server_rsa.key)), test::echo);
        std::vector<std::string> codes;
        server.on_tls_client_error([&](tls::error_info what) { codes.push_back(what.code); });
        const std::uint16_t port = test::listen_anywhere(server);
        auto failing = visit(port);
        const std::string failed = co_await failing;
        BOOST_TEST(failed == "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
        BOOST_TEST((codes == std::vector<std::string>{"ERR_TLS_HANDLER_FAILED"}));
        server.set_secure_context(
            {.cert = all().server.cert, .key = {{.signer = tls::offload_signing(all().server.key)}}});
        auto visiting = visit(port);
        const std::string visited = co_await visiting;
        BOOST_TEST(visited == "");
    });
}

namespace {

test::waiting_handshake waiting_for_a_signature()
{
    return {[](int& waiting, std::chrono::milliseconds timeout, tls::server::connection_handler serve) {
                tls::server_options options =
                    signed_by(all().server, [&waiting](tls::signature_request) -> task<tls::signature> {
                        co_await test::wait_for_ever(waiting);
                        co_return std::vector<std::byte>();
                    });
                options.handshake_timeout = timeout;
                return tls::create_server(std::move(options), std::move(serve));
            },
            [](std::uint16_t port) { return test::client_of(port); }};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_signer_that_hangs_ends_with_its_handshake, *label("BYD-29"))
{
    for (const test::ending how : test::all_endings)
        BOOST_TEST_CONTEXT("ending " << static_cast<int>(how))
        {
            test::run([how] { return test::end_a_waiting_handshake(waiting_for_a_signature(), how); });
        }
}

BOOST_AUTO_TEST_CASE(a_client_s_key_may_be_elsewhere_too, *label("BYD-29"))
{
    test::run([]() -> task<> {
        bool authorized = false;
        tls::server server =
            tls::create_server(test::serving(all().server, {.request_cert = true}, {.ca = all().root.certificate()}),
                               [&authorized](tls::socket socket) {
                                   authorized = socket.authorized();
                                   return test::echo(std::move(socket));
                               });
        tls::socket client = tls::connect(
            test::client_of(test::listen_anywhere(server), {},
                            {.cert = all().client.cert, .key = {{.signer = tls::offload_signing(all().client.key)}}}));
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "");
        auto echoing = test::echoes(client, "signed");
        const bool echoed = co_await echoing;
        BOOST_TEST(echoed);
        BOOST_TEST(authorized);
    });
}

BOOST_AUTO_TEST_SUITE_END()
