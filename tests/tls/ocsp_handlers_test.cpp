// Functions and coroutines that say what is staples, and what is made of staples, over connections.
#include <coil/tls/ocsp.hpp>

#include <coil/net/server.hpp>
#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>
#include <coil/tls/tls.hpp>

#include "tests/support/ocsp_responses.hpp"
#include "tests/support/process_counts.hpp"
#include "tests/support/thrown_code.hpp"
#include "tests/support/tls_loopback.hpp"
#include "tests/support/waiting_handlers.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using boost::unit_test::label;
using test::at_work;
using test::ending;
using test::name_of;
using test::stacks_in_use;
using test::wait_for_ever;
using tls::ocsp_policy;

namespace {

using bytes = std::vector<std::byte>;
using staple = std::optional<bytes>;

const test::credentials& all()
{
    return test::shared_credentials();
}

const bytes& good_response()
{
    static const bytes made = test::ocsp_response(all().server, all().root);
    return made;
}

/// An echo server that notes what became of its clients.
struct noting_server {
    explicit noting_server(tls::ocsp_request_handler on_ocsp_request, tls::server_options options = {})
        : server(std::in_place,
                 tls::create_server(test::serving(all().server, std::move(options), {.ca = all().root.certificate()}),
                                    [this](tls::socket socket) {
                                        ++secure;
                                        return test::echo(std::move(socket));
                                    })),
          port(test::listen_anywhere(*server))
    {
        server->on_ocsp_request(std::move(on_ocsp_request));
        server->on_tls_client_error([this](tls::error_info what) { failures.push_back(std::move(what)); });
    }
    noting_server(const noting_server&) = delete;

    int secure = 0;
    std::vector<tls::error_info> failures;
    std::optional<tls::server> server;
    std::uint16_t port;
};

tls::connect_options asking(std::uint16_t port, tls::connect_options options = {})
{
    options.request_ocsp = true;
    options.servername = "localhost";
    return test::client_of(port, std::move(options));
}

tls::connect_options asking(const noting_server& server, tls::connect_options options = {})
{
    return asking(server.port, std::move(options));
}

/// Connects, says something and reads it. @return what failed.
task<std::string> talk(tls::socket& client)
{
    auto connecting = client.secure_connect();
    const result<> connected = co_await connecting;
    if (!connected)
        co_return client.error_info().code;
    auto echoing = test::echoes(client, "hello");
    const bool echoed = co_await echoing;
    co_return echoed ? std::string() : "no echo";
}

/// The same with a client of its own.
task<std::string> visit(tls::connect_options options)
{
    tls::socket client = tls::connect(std::move(options));
    auto talking = talk(client);
    std::string failed = co_await talking;
    co_return failed;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ocsp_handlers_test)

BOOST_AUTO_TEST_CASE(functions_and_coroutines_staple_and_judge_alike,
                     *label("OCSP-02 OCSP-04 OCSP-08 OCSP-09 EVT-05 EVT-15 CONN-28 BYD-05 BYD-22"))
{
    for (const bool slow : {false, true})
        test::run([slow]() -> task<> {
            std::string asked;
            tls::ocsp_request_handler on_request;
            if (slow)
                on_request = [&](tls::certificate cert, std::optional<tls::certificate> issuer) -> task<staple> {
                    static_cast<void>(co_await sleep_for(3ms));
                    asked = cert.serial_number + " of " + std::string(issuer.value().subject->get("CN").value());
                    co_return good_response();
                };
            else
                on_request = [&](const tls::certificate& cert, const std::optional<tls::certificate>& issuer) {
                    asked = cert.serial_number + " of " + std::string(issuer.value().subject->get("CN").value());
                    return good_response();
                };
            noting_server server(std::move(on_request));
            std::string seen;
            bool secure = false;
            tls::connect_options options = asking(server, {.verify_ocsp = ocsp_policy::required});
            const auto note = [&](const staple& response, const tls::certificate& cert,
                                  const std::optional<tls::ocsp_finding>& found) {
                seen = std::to_string(response.value().size()) + " " + cert.serial_number + " " +
                       (found.value().good() ? "good" : "bad") + (secure ? " late" : "");
            };
            if (slow)
                options.on_ocsp_response = [&](staple response, tls::certificate cert,
                                               std::optional<tls::ocsp_finding> found) -> task<tls::ocsp_verdict> {
                    static_cast<void>(co_await sleep_for(3ms));
                    note(response, cert, found);
                    co_return tls::ocsp_verdict::unchanged();
                };
            else
                options.on_ocsp_response = [&](const staple& response, const tls::certificate& cert,
                                               const std::optional<tls::ocsp_finding>& found) {
                    note(response, cert, found);
                    return tls::ocsp_verdict::unchanged();
                };
            tls::socket client = tls::connect(std::move(options));
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            secure = true;
            BOOST_TEST(name_of(connected) == "");
            auto talking = talk(client);
            const std::string failed = co_await talking;
            BOOST_TEST(failed == "");
            const std::string serial = test::certificate_of(all().server.cert).serial_number;
            BOOST_TEST(asked == serial + " of coil test root");
            BOOST_TEST(seen == std::to_string(good_response().size()) + " " + serial + " good");
            BOOST_TEST(stacks_in_use() == 0U);
        });
}

BOOST_AUTO_TEST_CASE(a_handler_counts_for_connections_that_come_later, *label("EVT-05 OCSP-02 OCSP-05"))
{
    test::run([]() -> task<> {
        noting_server server({});
        std::vector<std::string> seen;
        const auto look = [&seen](const staple& response) {
            seen.push_back(response ? std::to_string(response->size()) : "none");
            return tls::ocsp_verdict::unchanged();
        };
        const auto connect_once = [&]() -> task<> {
            auto visiting = visit(asking(server, {.on_ocsp_response = look}));
            const std::string failed = co_await visiting;
            BOOST_TEST(failed == "");
        };
        auto first = connect_once();
        co_await first;
        server.server->on_ocsp_request([] { return bytes(10, std::byte{1}); });
        // Names beside it leave it what it is.
        server.server->add_context("b.example.com", tls::create_secure_context({}));
        auto second = connect_once();
        co_await second;
        server.server->on_ocsp_request([]() -> task<bytes> { co_return bytes(20, std::byte{1}); });
        auto third = connect_once();
        co_await third;
        server.server->on_ocsp_request({});
        auto fourth = connect_once();
        co_await fourth;
        BOOST_TEST(seen == (std::vector<std::string>{"none", "10", "20", "none"}), boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(an_exception_of_a_handler_ends_that_handshake_only, *label("OCSP-06 EVT-05 EVT-15"))
{
    for (const bool slow : {false, true})
        test::run([slow]() -> task<> {
            bool throws = true;
            noting_server server([&]() -> task<tls::staple_answer> {
                if (slow)
                    co_await this_task::yield();
                if (throws)
                    throw std::runtime_error("no responder");
                co_return std::nullopt;
            });
            auto refused = visit(asking(server));
            const std::string at_client = co_await refused;
            BOOST_TEST(at_client == "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
            auto reporting = test::eventually([&] { return server.failures.size() == 1; });
            const bool reported = co_await reporting;
            BOOST_TEST_REQUIRE(reported);
            BOOST_TEST(server.failures.front().code == "ERR_TLS_HANDLER_FAILED");
            BOOST_CHECK_THROW(std::rethrow_exception(server.failures.front().exception), std::runtime_error);
            throws = false;
            auto judged = visit(asking(server, {.on_ocsp_response = [&]() -> task<tls::ocsp_verdict> {
                                           if (slow)
                                               co_await this_task::yield();
                                           throw std::runtime_error("no opinion");
                                       }}));
            const std::string thrown = co_await judged;
            BOOST_TEST(thrown == "ERR_TLS_HANDLER_FAILED");
            auto well = visit(asking(server));
            const std::string failed = co_await well;
            BOOST_TEST(failed == "");
            BOOST_TEST(server.secure == 1);
            BOOST_TEST(stacks_in_use() == 0U);
        });
}

BOOST_AUTO_TEST_CASE(a_client_refuses_what_it_does_not_like, *label("OCSP-09 EVT-15 BYD-22"))
{
    test::run([]() -> task<> {
        noting_server server([] { return bytes(10, std::byte{1}); });
        auto refusing = visit(asking(server, {.on_ocsp_response = [](const staple& response) {
                                         return tls::ocsp_verdict::refuse("ERR_OLD", std::to_string(response->size()));
                                     }}));
        const std::string refused = co_await refusing;
        BOOST_TEST(refused == "ERR_OLD");
        auto judging = visit(asking(server, {.verify_ocsp = ocsp_policy::if_stapled}));
        const std::string judged = co_await judging;
        BOOST_TEST(judged == "ERR_OCSP_MALFORMED_RESPONSE");
        auto reporting = test::eventually([&] { return server.failures.size() == 2; });
        const bool reported = co_await reporting;
        BOOST_TEST_REQUIRE(reported);
        for (const tls::error_info& at_server : server.failures) {
            BOOST_TEST(at_server.code == "ERR_SSL_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE");
            BOOST_TEST(int{at_server.alert.value_or(0)} == 113);
        }
        BOOST_TEST(server.secure == 0);
    });
}

namespace {

test::waiting_handshake waiting_for_a_staple()
{
    return {[](int& waiting, std::chrono::milliseconds timeout, tls::server::connection_handler serve) {
                tls::server made = tls::create_server(
                    test::serving(all().server, {.handshake_timeout = timeout}, {.ca = all().root.certificate()}),
                    std::move(serve));
                made.on_ocsp_request([&waiting]() -> task<tls::staple_answer> {
                    co_await wait_for_ever(waiting);
                    co_return std::nullopt;
                });
                return made;
            },
            [](std::uint16_t port) { return asking(port); }};
}

}  // namespace

BOOST_AUTO_TEST_CASE(whatever_ends_a_handshake_that_waits_for_a_staple_leaves_nothing_behind,
                     *label("OCSP-07 EVT-05 F-30"))
{
    for (const ending how : test::all_endings)
        BOOST_TEST_CONTEXT("ending " << static_cast<int>(how))
        {
            test::run([how] { return test::end_a_waiting_handshake(waiting_for_a_staple(), how); });
        }
}

BOOST_AUTO_TEST_CASE(a_client_s_handler_ends_with_its_socket_and_its_deadline, *label("EVT-15 BYD-05 F-30"))
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        for (const std::string how : {"destroy", "destroyed", "deadline", "server gone"}) {
            noting_server server({});
            int waiting = 0;
            tls::connect_options options = asking(server);
            options.handshake_timeout = how == "deadline" ? 3s : 30s;
            options.on_ocsp_response = [&]() -> task<tls::ocsp_verdict> {
                auto never = wait_for_ever(waiting);
                co_await never;
                co_return tls::ocsp_verdict::accept();
            };
            std::optional<tls::socket> client = tls::connect(std::move(options));
            std::string outcome = "none";
            scope beside;
            const auto connect = [&]() -> task<> {
                auto connecting = client->secure_connect();
                const result<> connected = co_await connecting;
                outcome = name_of(connected);
            };
            beside.spawn(connect);
            auto beginning = test::eventually([&] { return waiting == 1; });
            const bool begun = co_await beginning;
            BOOST_TEST_REQUIRE(begun);
            if (how == "destroy")
                client->destroy();
            else if (how == "destroyed")
                client.reset();
            else if (how == "server gone")
                server.server.reset();
            co_await beside.join();
            BOOST_TEST(outcome == (how == "deadline"      ? "ERR_TLS_HANDSHAKE_TIMEOUT"
                                   : how == "server gone" ? "ECONNRESET"
                                                          : "ERR_STREAM_DESTROYED"));
            client.reset();
            BOOST_TEST(waiting == 0, how);  // what it refers to may be gone next
            BOOST_TEST(stacks_in_use() == 0U, how);
        }
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_CASE(sockets_around_connections_have_the_same_handlers, *label("SOCK-09 EVT-05 EVT-15"))
{
    test::run([]() -> task<> {
        net::server below = net::create_server({}, [&](net::socket accepted) -> task<> {
            tls::socket_options options;
            options.is_server = true;
            options.on_ocsp_request = []() -> task<staple> {
                co_await this_task::yield();
                co_return good_response();
            };
            options.secure_context = {{.cert = all().server.cert, .key = all().server.key}};
            tls::socket secured(std::move(accepted), std::move(options));
            auto echoing = test::echo(std::move(secured));
            co_await echoing;
        });
        const std::uint16_t port = test::listen_anywhere(below);
        net::socket plain = net::connect({.host = "127.0.0.1", .port = port});
        auto joining = plain.connect();
        const result<> joined = co_await joining;
        BOOST_TEST_REQUIRE(name_of(joined) == "");
        bool seen = false;
        tls::socket_options options;
        options.on_ocsp_response = [&](const staple& response) {
            seen = response.has_value();
            return tls::ocsp_verdict::unchanged();
        };
        options.request_ocsp = true;
        options.secure_context = {{.ca = all().root.certificate()}};
        options.servername = "localhost";
        options.verify_ocsp = ocsp_policy::required;
        tls::socket client(std::move(plain), std::move(options));
        auto talking = talk(client);
        const std::string failed = co_await talking;
        BOOST_TEST(failed == "");
        BOOST_TEST(seen);
    });
}

BOOST_AUTO_TEST_CASE(options_of_the_other_side_and_handlers_without_an_object_are_mistakes, *label("SOCK-09 CONN-28"))
{
    const auto code = [](const tls::socket_options& options) {
        return test::thrown_code([&] { const tls::socket made(net::connect({.port = 1}), options); });
    };
    const auto judge = [] { return tls::ocsp_verdict::accept(); };
    BOOST_TEST(code({.on_ocsp_request = [] { return bytes(); }}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code({.is_server = true, .request_ocsp = true}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code({.is_server = true, .verify_ocsp = ocsp_policy::if_stapled}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code({.is_server = true, .on_ocsp_response = judge}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code({.on_ocsp_response = judge}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(test::thrown_code([&] { tls::connect({.on_ocsp_response = judge, .port = 1}); }) ==
               "ERR_INVALID_ARG_VALUE");
}

BOOST_AUTO_TEST_SUITE_END()
