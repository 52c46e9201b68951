// Who is asked for keys that both sides have before they meet, and what ends it while it waits.
#include <coil/tls/psk.hpp>

#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include "tests/support/process_counts.hpp"
#include "tests/support/thrown_code.hpp"
#include "tests/support/tls_loopback.hpp"
#include "tests/support/waiting_handlers.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using boost::unit_test::label;
using test::ending;
using test::name_of;
using test::stacks_in_use;
using test::wait_for_ever;
using tls::protocol_version;

namespace {

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

std::vector<std::byte> shared_key()
{
    return std::vector<std::byte>(32, std::byte{7});
}

tls::secure_context_options with_keys(protocol_version version)
{
    tls::secure_context_options options = test::only(version);
    if (version == protocol_version::tlsv1_2)
        options.ciphers = "PSK+HIGH";
    return options;
}

std::optional<tls::psk_identity> propose()
{
    return tls::psk_identity{tls::psk_hash::sha256, "one", shared_key()};
}

tls::connect_options client_of(std::uint16_t port, protocol_version version, tls::psk_handler handler = propose)
{
    return {
        .host = "127.0.0.1", .port = port, .psk_callback = std::move(handler), .secure_context = {with_keys(version)}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(psk_handlers_test)

BOOST_AUTO_TEST_CASE(functions_and_coroutines_know_keys_on_both_sides, *label("OPT-12 OPT-13 CONN-13 PSK-17 BYD-01"))
{
    for (const protocol_version version : both_versions)
        for (const bool slow : {false, true})
            test::run([version, slow]() -> task<> {
                std::vector<std::string> asked;
                tls::server_options options{.psk_identity_hint = "which", .secure_context = {with_keys(version)}};
                tls::psk_handler proposing = [&](std::optional<std::string> hint) {
                    asked.push_back("hint " + hint.value_or("none"));
                    return propose();
                };
                if (slow) {
                    options.psk_callback = [&](std::string identity,
                                               std::string servername) -> task<std::optional<tls::psk_key>> {
                        static_cast<void>(co_await sleep_for(3ms));
                        asked.push_back(identity + " of " + servername);
                        co_return shared_key();
                    };
                    proposing = [&](std::optional<std::string> hint) -> task<std::optional<tls::psk_identity>> {
                        static_cast<void>(co_await sleep_for(3ms));
                        asked.push_back("hint " + hint.value_or("none"));
                        co_return propose();
                    };
                } else {
                    options.psk_callback = [&](const std::string& identity, const std::string& servername) {
                        asked.push_back(identity + " of " + servername);
                        return std::optional<tls::psk_key>(shared_key());
                    };
                }
                tls::server server = tls::create_server(std::move(options), test::echo);
                tls::connect_options how = client_of(test::listen_anywhere(server), version, proposing);
                how.servername = "localhost";
                tls::socket client = tls::connect(std::move(how));
                auto connecting = client.secure_connect();
                const result<> connected = co_await connecting;
                BOOST_TEST(name_of(connected) == "");
                auto echoing = test::echoes(client, "by key");
                const bool echoed = co_await echoing;
                BOOST_TEST(echoed);
                const std::string hint = version == protocol_version::tlsv1_2 ? "hint which" : "hint none";
                BOOST_TEST((asked == std::vector<std::string>{hint, "one of localhost"}));
                BOOST_TEST(stacks_in_use() == 0u);
            });
}

BOOST_AUTO_TEST_CASE(a_socket_around_a_connection_has_keys_too, *label("SOCK-07"))
{
    test::run([]() -> task<> {
        net::server below = net::create_server({}, [](net::socket accepted) -> task<> {
            tls::socket_options options{.is_server = true};
            options.psk_server_callback = [] { return std::optional<tls::psk_key>(shared_key()); };
            options.secure_context = {with_keys(protocol_version::tlsv1_3)};
            auto echoing = test::echo(tls::socket(std::move(accepted), std::move(options)));
            co_await echoing;
        });
        net::socket plain = net::connect({.port = test::listen_anywhere(below)});
        const result<> reached = co_await plain.connect();
        BOOST_TEST(name_of(reached) == "");
        tls::socket_options options;
        options.psk_client_callback = propose;
        options.secure_context = {with_keys(protocol_version::tlsv1_3)};
        tls::socket client(std::move(plain), std::move(options));
        auto echoing = test::echoes(client, "by key");
        const bool echoed = co_await echoing;
        BOOST_TEST(echoed);
        BOOST_TEST(client.psk_identity().value_or("") == "one");
    });
}

BOOST_AUTO_TEST_CASE(a_hint_that_cannot_be_sent_is_refused_when_the_server_is_made, *label("OPT-13 ERR-15 PSK-12"))
{
    const auto make = [](std::string hint) {
        tls::server_options options{.psk_callback = [] { return std::optional<tls::psk_key>(); },
                                    .psk_identity_hint = std::move(hint)};
        static_cast<void>(tls::create_server(std::move(options), test::echo));
    };
    test::run([make]() -> task<> {
        BOOST_TEST(test::thrown_code([&] { make(std::string(257, 'h')); }) == "ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED");
        BOOST_TEST(test::thrown_code([&] { make(std::string("a\0b", 3)); }) == "ERR_INVALID_ARG_VALUE");
        BOOST_TEST(test::thrown_code([&] { make(std::string(256, 'h')); }) == "none");
        co_return;
    });
}

namespace {

test::waiting_handshake looking_up_a_key(protocol_version version)
{
    return {[version](int& waiting, std::chrono::milliseconds timeout, tls::server::connection_handler serve) {
                tls::server_options options{.handshake_timeout = timeout, .secure_context = {with_keys(version)}};
                options.psk_callback = [&waiting]() -> task<std::optional<tls::psk_key>> {
                    co_await wait_for_ever(waiting);
                    co_return std::nullopt;
                };
                return tls::create_server(std::move(options), std::move(serve));
            },
            [version](std::uint16_t port) { return client_of(port, version); }};
}

}  // namespace

BOOST_AUTO_TEST_CASE(whatever_ends_a_handshake_ends_the_look_up_of_its_key, *label("PSK-17"))
{
    for (const protocol_version version : both_versions)
        for (const ending how : test::all_endings)
            BOOST_TEST_CONTEXT("ending " << static_cast<int>(how))
            {
                test::run([version, how] { return test::end_a_waiting_handshake(looking_up_a_key(version), how); });
            }
}

BOOST_AUTO_TEST_CASE(a_client_that_looks_for_its_key_ends_with_its_socket_and_its_deadline, *label("PSK-17"))
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        for (const bool destroyed : {false, true}) {
            net::server silent =
                net::create_server({}, [](net::socket) -> task<> { static_cast<void>(co_await sleep_for(1h)); });
            int waiting = 0;
            tls::connect_options options =
                client_of(test::listen_anywhere(silent), protocol_version::tlsv1_3,
                          [&](std::optional<std::string>) -> task<std::optional<tls::psk_identity>> {
                              co_await wait_for_ever(waiting);
                              co_return std::nullopt;
                          });
            options.handshake_timeout = destroyed ? 30s : 200ms;
            tls::socket client = tls::connect(std::move(options));
            std::string outcome;
            scope beside;
            const auto connect = [&]() -> task<> {
                auto connecting = client.secure_connect();
                const result<> connected = co_await connecting;
                outcome = name_of(connected);
            };
            beside.spawn(connect);
            auto beginning = test::eventually([&] { return waiting == 1; });
            const bool begun = co_await beginning;
            BOOST_TEST_REQUIRE(begun);
            if (destroyed)
                client.destroy();
            co_await beside.join();
            BOOST_TEST(outcome == (destroyed ? "ERR_STREAM_DESTROYED" : "ERR_TLS_HANDSHAKE_TIMEOUT"));
            auto leaving = test::eventually([&] { return waiting == 0 && stacks_in_use() == 0; });
            const bool left = co_await leaving;
            BOOST_TEST(left);
        }
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_SUITE_END()
