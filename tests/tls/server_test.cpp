#include <coil/tls/server.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include "tests/support/process_counts.hpp"
#include "tests/support/random_data.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <optional>
#include <string>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

/// What a server found out about the last of its clients.
struct observed {
    int secure = 0;
    std::vector<std::string> failures;
    bool authorized = false;
    std::string authorization_error;
    std::string alpn;
    std::string servername;
    std::string peer;
};

/// A server that notes what it sees and answers one read with "welcome".
struct noting_server {
    explicit noting_server(tls::server_options options, tls::secure_context_options context = {},
                           const test::identity& who = all().server)
        : server(tls::create_server(test::serving(who, std::move(options), std::move(context)), [this](tls::socket socket) { return meet(std::move(socket)); })),
          port(test::listen_anywhere(server))
    {
        server.on_tls_client_error([this](const tls::error_info& what, const tls::socket&) { seen.failures.push_back(what.code); });
    }
    noting_server(const noting_server&) = delete;

    task<> meet(tls::socket socket)
    {
        ++seen.secure;
        seen.authorized = socket.authorized();
        seen.authorization_error = socket.authorization_error().value_or("");
        seen.alpn = std::string(socket.alpn_protocol().value_or(""));
        seen.servername = std::string(socket.servername().value_or(""));
        if (const auto peer = socket.get_peer_certificate())
            seen.peer = std::string(peer->subject->get("CN").value_or(""));
        const result<std::size_t> written = co_await socket.write("welcome");
        static_cast<void>(written);
        const result<> ended = co_await socket.end();
        static_cast<void>(ended);
    }

    observed seen;
    tls::server server;
    std::uint16_t port;
};

/// What a client found out.
struct visit {
    std::string connect_code;
    std::string read_code;
    std::string text;
    bool authorized = false;
    std::string alpn;
    std::string certificate;
};

task<visit> visit_to(tls::connect_options options)
{
    visit made;
    tls::socket client = tls::connect(std::move(options));
    auto connecting = client.secure_connect();
    const result<> connected = co_await connecting;
    made.connect_code = name_of(connected);
    if (!connected)
        co_return made;
    made.authorized = client.authorized();
    made.alpn = std::string(client.alpn_protocol().value_or(""));
    made.certificate = std::string(client.get_peer_certificate()->subject->get("CN").value());
    std::error_code why;
    auto reading = test::read_all(client, why);
    made.text = co_await reading;
    made.read_code = error_name(why);
    co_return made;
}

struct client_case {
    const char* what;
    bool request;
    bool reject;
    const test::identity* client;
    bool let_in;
    bool authorized;
    std::string error_at_server;   // authorization_error, or the code of the failure
    std::string error_at_client_1_2;
    std::string error_at_client_1_3;
};

std::vector<client_case> client_cases()
{
    return {
        // B-031, SRV-09
        {"not asked, has one", false, true, &all().client, true, false, "", "", ""},
        // SRV-10
        {"asked, good", true, true, &all().client, true, true, "", "", ""},
        // B-033, SRV-11
        {"asked, none", true, true, nullptr, false, false, "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
         "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"},
        // SRV-12
        {"asked, foreign", true, true, &all().foreign_client, false, false, "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
         "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"},
        {"asked, self-signed", true, true, &all().self_signed_client, false, false, "DEPTH_ZERO_SELF_SIGNED_CERT",
         "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"},
        {"asked, expired", true, true, &all().expired_client, false, false, "CERT_HAS_EXPIRED",
         "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED"},
        // B-032, SRV-13, SRV-14
        {"welcome anyway, none", true, false, nullptr, true, false, "UNABLE_TO_GET_ISSUER_CERT", "", ""},
        {"welcome anyway, foreign", true, false, &all().foreign_client, true, false, "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "", ""},
        {"welcome anyway, self-signed", true, false, &all().self_signed_client, true, false, "DEPTH_ZERO_SELF_SIGNED_CERT", "", ""},
        {"welcome anyway, good", true, false, &all().client, true, true, "", "", ""},
    };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(server_test)

BOOST_AUTO_TEST_CASE(client_certificates_are_asked_for_and_judged_as_the_options_say,
                     *boost::unit_test::label("BYD-27 CONN-27 EVT-07 EVT-08 OPT-07 OPT-08 OPT-14 SRV-09 to SRV-14 "
                                              "B-031 to B-033"))
{
    for (const client_case& one : client_cases()) {
        for (const bool v13 : {false, true}) {
            BOOST_TEST_CONTEXT(one.what << (v13 ? " (1.3)" : " (1.2)")) {
                test::run([&one, v13]() -> task<> {
                    noting_server server({.reject_unauthorized = one.reject,
                                          .request_cert = one.request},
                                         {.ca = all().root.certificate()});
                    tls::secure_context_options context =
                        test::only(v13 ? tls::protocol_version::tlsv1_3 : tls::protocol_version::tlsv1_2);
                    if (one.client) {
                        context.cert = one.client->cert;
                        context.key = one.client->key;
                    }
                    auto visiting = visit_to(test::client_of(server.port, {}, std::move(context)));
                    const visit made = co_await visiting;
                    auto waiting = test::eventually([&] { return server.seen.secure + server.seen.failures.size() > 0; });
                    const bool judged = co_await waiting;
                    BOOST_TEST_REQUIRE(judged);
                    BOOST_TEST(server.seen.secure == (one.let_in ? 1 : 0));
                    BOOST_TEST(server.seen.authorized == one.authorized);
                    if (one.let_in) {
                        BOOST_TEST(made.connect_code == "");
                        BOOST_TEST(made.authorized);
                        BOOST_TEST(made.text == "welcome");
                        BOOST_TEST(server.seen.authorization_error == one.error_at_server);
                        BOOST_TEST(server.seen.peer.empty() == (!one.request || !one.client));
                    } else {
                        BOOST_TEST_REQUIRE(server.seen.failures.size() == 1u);
                        BOOST_TEST(server.seen.failures.front() == one.error_at_server);
                        // A client of TLS 1.3 is done before the server has seen its certificate.
                        BOOST_TEST(made.connect_code == (v13 ? std::string() : one.error_at_client_1_2));
                        BOOST_TEST(made.read_code == (v13 ? one.error_at_client_1_3 : std::string()));
                        BOOST_TEST(made.text == "");
                    }
                });
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(the_name_that_the_client_sends_chooses_everything,
                     *boost::unit_test::label("ERR-17 SNI-02 to SNI-05 SOCK-36 SRV-02 SRV-15 B-046 B-047"))
{
    test::run([]() -> task<> {
        noting_server server({.reject_unauthorized = false, .request_cert = true}, {.ca = all().other_root.certificate()});
        server.server.add_context("*.example.com", {.ca = all().root.certificate(), .cert = all().wildcard.cert, .key = all().wildcard.key});
        server.server.add_context("a.example.com", {.ca = all().root.certificate(), .cert = all().server_a.cert, .key = all().server_a.key});
        struct {
            std::string name;
            std::string certificate;
            bool authorized;
        } const cases[] = {
            {"a.example.com", "a.example.com", true},      {"A.EXAMPLE.com", "a.example.com", true},
            {"b.example.com", "example.com", true},        {"c.b.example.com", "localhost", false},
            {"example.com", "localhost", false},           {"unknown.test", "localhost", false},
            {"", "localhost", false},
        };
        for (const auto& one : cases) {
            BOOST_TEST_CONTEXT("name " << one.name) {
                server.seen = {};
                tls::connect_options options = test::client_of(server.port, {.reject_unauthorized = false},
                                                               {.cert = all().client.cert, .key = all().client.key});
                options.servername = one.name;
                auto visiting = visit_to(std::move(options));
                const visit made = co_await visiting;
                BOOST_TEST(made.text == "welcome");
                BOOST_TEST(made.certificate == one.certificate);
                BOOST_TEST(server.seen.servername == one.name);
                BOOST_TEST(server.seen.authorized == one.authorized);
            }
        }
        // A name that comes later counts for later connections, and the latest match wins.
        server.server.add_context("a.example.com", {.cert = all().wildcard.cert, .key = all().wildcard.key});
        tls::connect_options options = test::client_of(server.port);
        options.servername = "a.example.com";
        auto visiting = visit_to(std::move(options));
        const visit made = co_await visiting;
        BOOST_TEST(made.certificate == "example.com");
        BOOST_CHECK_EXCEPTION(server.server.add_context("", tls::secure_context_options()), tls::error,
                              [](const tls::error& e) { return e.code() == "ERR_TLS_REQUIRED_SERVER_NAME"; });
        BOOST_CHECK_EXCEPTION(server.server.add_context("x.example.com", tls::secure_context()), tls::error,
                              [](const tls::error& e) { return e.code() == "ERR_TLS_INVALID_CONTEXT"; });
    });
}

BOOST_AUTO_TEST_CASE(application_protocols_are_chosen_in_the_servers_order,
                     *boost::unit_test::label("ALPN-04 to ALPN-06 OPT-03 SOCK-35 B-052"))
{
    struct {
        tls::alpn_protocol_list server;
        tls::alpn_protocol_list client;
        std::string chosen;
        std::string code;
    } const cases[] = {
        // B-052
        {{"a", "b", "c"}, {"a", "b", "c"}, "a", ""}, {{"a", "b", "c"}, {"c", "b", "e"}, "b", ""},
        {{"a"}, {}, "", ""},                         {{}, {"a", "b"}, "", ""},
        {{}, {}, "", ""},                            {{"a"}, {"b"}, "", "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL"},
    };
    test::run([&cases]() -> task<> {
        for (const auto& one : cases) {
            noting_server server({.alpn_protocols = one.server});
            auto visiting = visit_to(test::client_of(server.port, {.alpn_protocols = one.client}));
            const visit made = co_await visiting;
            BOOST_TEST(made.connect_code == one.code);
            BOOST_TEST(made.alpn == one.chosen);
            BOOST_TEST(server.seen.alpn == one.chosen);
            BOOST_TEST(server.seen.failures.size() == (one.code.empty() ? 0u : 1u));
        }
    });
}

BOOST_AUTO_TEST_CASE(a_new_certificate_counts_for_new_connections_only, *boost::unit_test::label("SRV-07 B-009"))
{
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(all().server), test::echo);
        const std::uint16_t port = test::listen_anywhere(server);
        tls::socket old = tls::connect(test::client_of(port));
        auto connecting = old.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST_REQUIRE(connected.has_value());
        for (int i = 0; i < 3; ++i) {
            server.set_secure_context({.cert = all().self_signed_server.cert, .key = all().self_signed_server.key});
            auto refused = visit_to(test::client_of(port));
            const visit made = co_await refused;
            BOOST_TEST(made.connect_code == "DEPTH_ZERO_SELF_SIGNED_CERT");
            auto talking = test::echoes(old, "still here");
            const bool echoed = co_await talking;
            BOOST_TEST(echoed);
            BOOST_CHECK_THROW(server.set_secure_context({.cert = all().server.cert, .key = all().client.key}), tls::error);
            auto refused_too = visit_to(test::client_of(port));
            const visit made_too = co_await refused_too;
            BOOST_TEST(made_too.connect_code == "DEPTH_ZERO_SELF_SIGNED_CERT");
            server.set_secure_context({.cert = all().server.cert, .key = all().server.key});
            tls::socket again = tls::connect(test::client_of(port));
            auto reconnecting = again.secure_connect();
            const result<> reconnected = co_await reconnecting;
            BOOST_TEST(name_of(reconnected) == "");
        }
    });
}

BOOST_AUTO_TEST_CASE(a_server_without_a_certificate_listens_and_refuses,
                     *boost::unit_test::label("CTX-22 OPT-02 B-008"))
{
    test::run([]() -> task<> {
        noting_server server({}, {}, test::identity());
        for (int i = 1; i <= 2; ++i) {
            auto visiting = visit_to(test::client_of(server.port));
            const visit made = co_await visiting;
            BOOST_TEST(made.connect_code == "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE");
            BOOST_TEST(server.seen.failures.size() == static_cast<std::size_t>(i));
            BOOST_TEST(server.seen.failures.back() == "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM");
        }
    });
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_limit_are_dropped, *boost::unit_test::label("EVT-13 NET-07 NET-08"))
{
    test::run([]() -> task<> {
        int drops = 0;
        tls::server server = tls::create_server(test::serving(all().server, {.max_connections = 2}), test::echo);
        server.on_drop([&] { ++drops; });
        const std::uint16_t port = test::listen_anywhere(server);
        std::vector<tls::socket> clients;
        for (int i = 0; i < 2; ++i) {
            clients.push_back(tls::connect(test::client_of(port)));
            auto connecting = clients.back().secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "");
        }
        BOOST_TEST(server.connections() == 2u);
        auto third = visit_to(test::client_of(port));
        const visit refused = co_await third;
        BOOST_TEST(refused.connect_code == "ECONNRESET");
        BOOST_TEST(drops == 1);
        auto talking = test::echoes(clients.front(), "hello");
        const bool echoed = co_await talking;
        BOOST_TEST(echoed);
        clients.pop_back();
        auto waiting = test::eventually([&] { return server.connections() == 1; });
        const bool room = co_await waiting;
        BOOST_TEST(room);
        tls::socket late = tls::connect(test::client_of(port));
        auto connecting = late.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(name_of(connected) == "");
    });
}

BOOST_AUTO_TEST_CASE(the_drop_of_a_connection_may_close_the_server)
{
    test::run([]() -> task<> {
        std::optional<tls::server> server = tls::create_server(test::serving(all().server, {.max_connections = 1}), test::echo);
        int drops = 0;
        server->on_drop([&] {
            if (++drops == 1)
                static_cast<void>(server->close());
        });
        const std::uint16_t port = test::listen_anywhere(*server);
        std::vector<tls::socket> clients;
        scope all_clients;
        for (int i = 0; i < 4; ++i)
            clients.push_back(tls::connect(test::client_of(port, {.handshake_timeout = 2s})));
        for (tls::socket& client : clients) {
            auto connecting = [&client]() -> task<> {
                auto handshake = client.secure_connect();
                const result<> connected = co_await handshake;
                static_cast<void>(connected);
            };
            all_clients.spawn(connecting);
        }
        co_await all_clients.join();
        BOOST_TEST(drops >= 1);
        BOOST_TEST(!server->listening());
    });
}

BOOST_AUTO_TEST_CASE(an_exception_ends_its_own_connection_only, *boost::unit_test::label("SRV-17"))
{
    test::run([]() -> task<> {
        std::vector<std::string> uncaught;
        tls::server server = tls::create_server(test::serving(all().server), [](tls::socket socket) -> task<> {
            auto reading = test::read_exactly(socket, 4);
            const std::string request = co_await reading;
            if (request == "fail")
                throw std::runtime_error("handler failed");
            const result<std::size_t> written = co_await socket.write(request);
            BOOST_TEST(written.has_value());
            auto rest = test::read_exactly(socket, 4);
            const std::string more = co_await rest;
            const result<std::size_t> answered = co_await socket.write(more);
            BOOST_TEST(answered.has_value());
        });
        server.on_uncaught([&](std::exception_ptr what) {
            try {
                std::rethrow_exception(what);
            } catch (const std::exception& error) {
                uncaught.push_back(error.what());
            }
        });
        const std::uint16_t port = test::listen_anywhere(server);
        tls::socket good = tls::connect(test::client_of(port));
        auto connecting = good.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST_REQUIRE(connected.has_value());
        auto first = test::echoes(good, "one.");
        const bool echoed = co_await first;
        BOOST_TEST(echoed);
        tls::socket bad = tls::connect(test::client_of(port));
        auto connecting_bad = bad.secure_connect();
        const result<> connected_bad = co_await connecting_bad;
        BOOST_TEST_REQUIRE(connected_bad.has_value());
        const result<std::size_t> written = co_await bad.write("fail");
        BOOST_TEST(written.has_value());
        std::error_code why;
        auto reading = test::read_all(bad, why);
        const std::string rest = co_await reading;
        BOOST_TEST(rest == "");
        BOOST_TEST((why == errc::reset), why.message());
        BOOST_TEST_REQUIRE(uncaught.size() == 1u);
        BOOST_TEST(uncaught.front() == "handler failed");
        auto second = test::echoes(good, "two.");
        const bool still = co_await second;
        BOOST_TEST(still);
    });
}

BOOST_AUTO_TEST_CASE(a_closing_server_lets_open_connections_finish,
                     *boost::unit_test::label("ERR-28 EVT-10 NET-08 NET-09 SRV-03 SRV-04 B-103"))
{
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(all().server), test::echo);
        const std::uint16_t port = test::listen_anywhere(server);
        tls::socket client = tls::connect(test::client_of(port));
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST_REQUIRE(connected.has_value());
        const result<> closing = server.close();
        BOOST_TEST(name_of(closing) == "");
        const result<> twice = server.close();
        BOOST_TEST(name_of(twice) == "ERR_SERVER_NOT_RUNNING");
        BOOST_TEST(!server.listening());
        BOOST_TEST(!server.address().has_value());
        bool closed = false;
        scope waiting;
        auto waiter = [&]() -> task<> {
            static_cast<void>(co_await server.closed());
            closed = true;
        };
        waiting.spawn(waiter);
        auto refused = visit_to(test::client_of(port));
        const visit made = co_await refused;
        BOOST_TEST((made.connect_code == "ECONNREFUSED" || made.connect_code == "ECONNRESET"), made.connect_code);
        auto talking = test::echoes(client, "finish this");
        const bool echoed = co_await talking;
        BOOST_TEST(echoed);
        BOOST_TEST(!closed);
        auto ending = client.shutdown(5s);
        const result<> ended = co_await ending;
        BOOST_TEST(name_of(ended) == "");
        co_await waiting.join();
        BOOST_TEST(closed);
        BOOST_TEST(server.connections() == 0u);
        // The port is free again at once.
        const result<> listening = server.listen({.host = "127.0.0.1", .port = port});
        BOOST_TEST(name_of(listening) == "");
    });
}

BOOST_AUTO_TEST_CASE(a_port_can_be_listened_on_again_at_once, *boost::unit_test::label("ERR-28 NET-14 NET-15 SRV-06"))
{
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(all().server), test::echo);
        const std::uint16_t port = test::listen_anywhere(server);
        for (int i = 0; i < 5; ++i) {
            BOOST_TEST(name_of(server.close()) == "");
            BOOST_TEST(name_of(server.listen({.host = "127.0.0.1", .port = port})) == "");
            tls::socket client = tls::connect(test::client_of(port));
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "");
        }
        tls::server other = tls::create_server(test::serving(all().server), test::echo);
        BOOST_TEST(name_of(other.listen({.host = "127.0.0.1", .port = port})) == "EADDRINUSE");
        BOOST_TEST(name_of(server.listen({.host = "127.0.0.1"})) == "ERR_SERVER_ALREADY_LISTEN");
        BOOST_TEST(name_of(other.listen({.host = "192.0.2.1"})) == "EADDRNOTAVAIL");
    });
}

BOOST_AUTO_TEST_CASE(a_destroyed_server_takes_its_connections_along, *boost::unit_test::label("NET-35"))
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        {
            std::optional<tls::server> server = tls::create_server(test::serving(all().server), test::echo);
            const std::uint16_t port = test::listen_anywhere(*server);
            std::vector<tls::socket> clients;
            for (int i = 0; i < 10; ++i) {
                clients.push_back(tls::connect(test::client_of(port)));
                auto connecting = clients.back().secure_connect();
                const result<> connected = co_await connecting;
                BOOST_TEST(name_of(connected) == "");
                auto talking = test::echoes(clients.back(), "hello");
                const bool echoed = co_await talking;
                BOOST_TEST(echoed);
            }
            tls::socket raw_handshake = tls::connect(test::client_of(port));  // one that has not begun
            bool closed = false;
            scope waiting;
            auto waiter = [&]() -> task<> {
                static_cast<void>(co_await server->closed());
                closed = true;
            };
            waiting.spawn(waiter);
            const result<> turn = co_await sleep_for(5ms);
            BOOST_TEST(turn.has_value());
            BOOST_TEST(!closed);
            server.reset();
            co_await waiting.join();
            BOOST_TEST(closed);
            for (tls::socket& client : clients) {
                std::error_code why;
                auto reading = test::read_all(client, why);
                const std::string rest = co_await reading;
                BOOST_TEST(rest == "");
                BOOST_TEST((why == errc::reset), why.message());
            }
        }
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_CASE(a_stop_reaches_every_handler)
{
    test::run([]() -> task<> {
        std::vector<std::string> ends;
        tls::server server = tls::create_server(test::serving(all().server), [&](tls::socket socket) -> task<> {
            std::array<std::byte, 10> buffer;
            const result<std::size_t> read = co_await socket.read(buffer);
            ends.push_back(name_of(read));
        });
        int failures = 0;
        server.on_tls_client_error([&](const tls::error_info&, const tls::socket&) { ++failures; });
        const std::uint16_t port = test::listen_anywhere(server);
        std::vector<tls::socket> clients;
        for (int i = 0; i < 3; ++i) {
            clients.push_back(tls::connect(test::client_of(port)));
            auto connecting = clients.back().secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "");
        }
        net::socket silent = net::connect({.host = "127.0.0.1", .port = port});  // still in the handshake
        auto connecting = silent.connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(connected.has_value());
        auto waiting = test::eventually([&] { return server.connections() == 4; });
        const bool there = co_await waiting;
        BOOST_TEST(there);
        const result<> turn = co_await sleep_for(20ms);
        BOOST_TEST(turn.has_value());
        static_cast<void>(server.close());
        server.request_stop();
        static_cast<void>(co_await server.closed());
        BOOST_TEST(ends.size() == 3u);
        for (const std::string& end : ends)
            BOOST_TEST(end == "ABORT_ERR");
        BOOST_TEST(failures == 0);
    });
}

BOOST_AUTO_TEST_CASE(two_hundred_clients_at_once_are_served, *boost::unit_test::label("CTX-02 OPT-01 SRV-01"))
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        {
            tls::server server = tls::create_server(test::serving(all().server), test::echo);
            const tls::connect_options options = test::client_of(test::listen_anywhere(server));
            int good = 0;
            scope clients;
            for (int i = 0; i < 200; ++i) {
                auto client = [&options, &good, i]() -> task<> {
                    const int number = i;  // the captures do not outlive the first wait
                    int& count = good;
                    tls::socket socket = tls::connect(options);
                    auto connecting = socket.secure_connect();
                    const result<> connected = co_await connecting;
                    BOOST_TEST(name_of(connected) == "");
                    auto talking = test::echoes(socket, test::random_data(static_cast<std::uint64_t>(number)).text(50'000));
                    const bool echoed = co_await talking;
                    count += echoed;
                    auto ending = socket.shutdown(5s);
                    const result<> ended = co_await ending;
                    BOOST_TEST(name_of(ended) == "");
                };
                clients.spawn(client);
            }
            co_await clients.join();
            BOOST_TEST(good == 200);
        }
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_SUITE_END()
