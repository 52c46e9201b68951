// What a handler that TLS calls may do with the socket that called it.

#include <coil/tls/socket.hpp>

#include <coil/net/server.hpp>
#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/yield.hpp>
#include <coil/tls/connect.hpp>

#include "tests/support/process_counts.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace coil;
using test::name_of;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reentry_test)

BOOST_AUTO_TEST_CASE(an_identity_check_may_destroy_its_socket, *boost::unit_test::label("F-30"))
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        for (const bool whole : {true, false}) {
            std::vector<std::string> failures;
            int secure = 0;
            tls::server server = tls::create_server(test::serving(all().server), [&secure](tls::socket socket) {
                ++secure;
                return test::read_to_the_end(std::move(socket));
            });
            server.on_tls_client_error(
                [&failures](const tls::error_info& what, const tls::socket&) { failures.push_back(what.code); });
            std::optional<tls::socket> client;
            tls::connect_options options = test::client_of(test::listen_anywhere(server));
            options.check_server_identity = [&](std::string_view, const tls::certificate&) {
                if (whole)
                    client.reset();
                else
                    client->destroy();
                return std::optional<tls::identity_error>();
            };
            client.emplace(tls::connect(std::move(options)));
            auto connecting = client->secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "ERR_STREAM_DESTROYED");
            auto reporting = test::eventually([&] { return failures.size() == 1; });
            const bool reported = co_await reporting;
            BOOST_TEST(reported);
            BOOST_TEST(secure == 0);
        }
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_CASE(reads_and_writes_within_an_identity_check_wait_for_the_handshake, *boost::unit_test::label("F-30"))
{
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(all().server), test::echo);
        tls::connect_options options = test::client_of(test::listen_anywhere(server));
        std::optional<tls::socket> client;
        std::string echoed;
        scope within;
        const auto exchange = [&]() -> task<> {
            const result<std::size_t> written = co_await client->write("from within");
            BOOST_TEST(name_of(written) == "");
            auto reading = test::read_exactly(*client, 11);
            echoed = co_await reading;
        };
        const auto end = [&]() -> task<> {
            const result<> ended = co_await client->end();
            BOOST_TEST(name_of(ended) == "");
        };
        options.check_server_identity = [&](std::string_view, const tls::certificate&) {
            within.spawn(exchange);
            within.spawn(end);
            return std::optional<tls::identity_error>();
        };
        client.emplace(tls::connect(std::move(options)));
        auto connecting = client->secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "");
        co_await within.join();
        BOOST_TEST(echoed == "from within");
    });
}

BOOST_AUTO_TEST_CASE(a_choice_of_a_context_may_destroy_its_socket, *boost::unit_test::label("F-30"))
{
    test::run([]() -> task<> {
        std::optional<tls::socket> secured;
        std::error_code outcome;
        net::server server = net::create_server({}, [&](net::socket socket) -> task<> {
            tls::socket_options options;
            options.sni_callback = [&](std::string_view) {
                secured.reset();
                return tls::secure_context();
            };
            options.is_server = true;
            options.secure_context = tls::create_secure_context({.cert = all().server.cert, .key = all().server.key});
            secured.emplace(std::move(socket), std::move(options));
            auto shaking = secured->secure_connect();
            const result<> done = co_await shaking;
            outcome = done.error();
        });
        tls::connect_options options = test::client_of(test::listen_anywhere(server));
        options.servername = "localhost";
        tls::socket client = tls::connect(std::move(options));
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "ECONNRESET");
        BOOST_TEST(error_name(outcome) == "ERR_STREAM_DESTROYED");
    });
}

BOOST_AUTO_TEST_CASE(a_handler_that_has_waited_may_destroy_its_connection, *boost::unit_test::label("F-30"))
{
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(all().server), test::echo);
        std::optional<tls::socket> client;
        tls::connect_options options = test::client_of(test::listen_anywhere(server));
        bool ended = false;
        options.check_server_identity = [&]() -> task<std::optional<tls::identity_error>> {
            co_await this_task::yield();
            client->destroy();
            co_await this_task::yield();  // nobody comes back from here
            ended = true;
            co_return std::nullopt;
        };
        client.emplace(tls::connect(std::move(options)));
        auto connecting = client->secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "ERR_STREAM_DESTROYED");
        co_await this_task::yield();
        co_await this_task::yield();
        BOOST_TEST(!ended);
        BOOST_TEST(coil::internal::fiber_stack_pool::of_thread().in_use() == 0U);
    });
}

BOOST_AUTO_TEST_SUITE_END()
