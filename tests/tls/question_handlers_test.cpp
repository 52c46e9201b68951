#include <coil/tls/question_handlers.hpp>

#include <coil/net/server.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>
#include <coil/tls/tls.hpp>

#include "tests/support/process_counts.hpp"
#include "tests/support/tls_loopback.hpp"
#include "tests/support/waiting_handlers.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
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

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

tls::secure_context for_b()
{
    return tls::create_secure_context(
        {.ca = all().root.certificate(), .cert = all().server_b.cert, .key = all().server_b.key});
}

/// An echo server that notes what became of its clients.
struct noting_server {
    explicit noting_server(tls::server_options options, tls::secure_context_options context = {})
        : server(std::in_place, tls::create_server(test::serving(all().server, std::move(options), std::move(context)),
                                                   [this](tls::socket socket) {
                                                       ++secure;
                                                       alpn = std::string(socket.alpn_protocol().value_or(""));
                                                       authorized = socket.authorized();
                                                       return test::echo(std::move(socket));
                                                   })),
          port(test::listen_anywhere(*server))
    {
        server->on_tls_client_error([this](tls::error_info what) { failures.push_back(std::move(what)); });
    }
    noting_server(const noting_server&) = delete;

    int secure = 0;
    std::string alpn;
    bool authorized = false;
    std::vector<tls::error_info> failures;
    std::optional<tls::server> server;
    std::uint16_t port;
};

tls::connect_options client_of(std::uint16_t port, const std::string& name = "localhost")
{
    return test::client_of(port, {.alpn_protocols = {"h2", "http/1.1"}, .servername = name},
                           {.ca = all().root.certificate() + all().other_root.certificate(),
                            .cert = all().client.cert,
                            .key = all().client.key});
}

tls::connect_options client_of(const noting_server& server, const std::string& name = "localhost")
{
    return client_of(server.port, name);
}

/// Connects, says something and reads it. @return what failed.
task<std::string> talk(tls::socket& client)
{
    auto connecting = client.secure_connect();
    const result<> connected = co_await connecting;
    if (!connected)
        co_return name_of(connected);
    const result<std::size_t> written = co_await client.write("hello");
    if (!written)
        co_return name_of(written);
    auto reading = test::read_exactly(client, 5);
    const std::string echoed = co_await reading;
    co_return echoed == "hello" ? std::string() : "no echo";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(question_handlers_test)

BOOST_AUTO_TEST_CASE(functions_and_coroutines_answer_alike_on_both_sides,
                     *label("SNI-06 SNI-07 SNI-12 OPT-10 ALPN-08 BYD-28 BYD-06 CONN-16 B-048"))
{
    for (const bool slow : {false, true})
        test::run([slow]() -> task<> {
            std::vector<std::string> asked;
            const auto wait = [slow](std::vector<std::string>& into, std::string what) -> task<> {
                into.push_back(std::move(what));
                if (slow)
                    static_cast<void>(co_await sleep_for(3ms));
            };
            tls::server_options options{.request_cert = true};
            if (slow) {
                options.alpn_callback = [&](tls::alpn_request request) -> task<tls::alpn_answer> {
                    auto waiting = wait(asked, "alpn for " + request.servername);
                    co_await waiting;
                    co_return request.protocols.back();
                };
                options.sni_callback = [&](std::string servername, tls::client_hello hello) -> task<tls::sni_answer> {
                    auto waiting = wait(asked, "sni " + servername);
                    co_await waiting;
                    BOOST_TEST(hello.alpn_protocols.size() == 2U);
                    co_return for_b();
                };
                options.verify_peer = [&](tls::peer_verification found) -> task<tls::verdict> {
                    auto waiting = wait(asked, "client " + std::string(found.cert.subject->get("CN").value()));
                    co_await waiting;
                    co_return tls::verdict::unchanged();
                };
            } else {
                options.alpn_callback = [&](const tls::alpn_request& request) {
                    asked.push_back("alpn for " + request.servername);
                    return request.protocols.back();
                };
                options.sni_callback = [&](std::string_view servername) {
                    asked.push_back("sni " + std::string(servername));
                    return for_b();
                };
                options.verify_peer = [&](const tls::peer_verification& found) {
                    asked.push_back("client " + std::string(found.cert.subject->get("CN").value()));
                    return tls::verdict::unchanged();
                };
            }
            noting_server server(std::move(options), {.ca = all().root.certificate()});
            std::vector<std::string> asked_client;
            tls::connect_options connecting = client_of(server, "b.example.com");
            connecting.check_server_identity = [&](std::string host,
                                                   tls::certificate cert) -> task<std::optional<tls::identity_error>> {
                auto waiting = wait(asked_client, "identity of " + host);
                co_await waiting;
                co_return tls::check_server_identity(host, cert);
            };
            connecting.verify_peer = [&](tls::peer_verification found) -> task<tls::verdict> {
                auto waiting = wait(asked_client, found.verified() ? "verified" : "not verified");
                co_await waiting;
                co_return tls::verdict::unchanged();
            };
            tls::socket client = tls::connect(std::move(connecting));
            auto talking = talk(client);
            const std::string failed = co_await talking;
            BOOST_TEST(failed == "");
            const std::vector<std::string> of_server{"sni b.example.com", "alpn for b.example.com", "client client"};
            BOOST_TEST((asked == of_server));
            BOOST_TEST((asked_client == std::vector<std::string>{"identity of b.example.com", "verified"}));
            BOOST_TEST(client.get_peer_certificate()->subject->get("CN").value() == "b.example.com");
            BOOST_TEST(client.authorized());
            BOOST_TEST(server.authorized);
            BOOST_TEST(server.alpn == "http/1.1");
            BOOST_TEST(stacks_in_use() == 0U);
        });
}

BOOST_AUTO_TEST_CASE(a_client_that_names_nobody_is_not_asked_about_and_no_answer_means_the_server_s_own,
                     *label("SNI-06 SNI-08"))
{
    test::run([]() -> task<> {
        int asked = 0;
        noting_server server({.sni_callback = [&]() -> task<tls::sni_answer> {
            ++asked;
            co_return std::nullopt;
        }});
        server.server->add_context("localhost", for_b());  // the handler takes the place of these
        for (const std::string name : {"", "localhost"}) {
            tls::connect_options options = client_of(server, name);
            options.host = "localhost";
            options.reject_unauthorized = false;
            tls::socket client = tls::connect(std::move(options));
            auto talking = talk(client);
            const std::string failed = co_await talking;
            BOOST_TEST(failed == "");
            BOOST_TEST(client.get_peer_certificate()->subject->get("CN").value() == "localhost");
            BOOST_TEST(asked == (name.empty() ? 0 : 1));
        }
    });
}

BOOST_AUTO_TEST_CASE(others_go_on_while_a_handshake_waits_which_holds_no_place, *label("SNI-12 F-26"))
{
    test::run([]() -> task<> {
        event go;
        int waiting = 0;
        noting_server server({.max_handshakes = 1, .sni_callback = [&](std::string name) -> task<tls::sni_answer> {
                                  const at_work counted(waiting);
                                  if (name == "b.example.com") {
                                      const result<> told = co_await go.wait();
                                      BOOST_TEST(told.has_value());
                                      co_return for_b();
                                  }
                                  co_return std::nullopt;
                              }});
        tls::socket slow = tls::connect(client_of(server, "b.example.com"));
        std::string slow_failed = "not yet";
        scope beside;
        const auto talk_slowly = [&]() -> task<> {
            auto talking = talk(slow);
            slow_failed = co_await talking;
        };
        beside.spawn(talk_slowly);
        auto beginning = test::eventually([&] { return waiting == 1; });
        const bool begun = co_await beginning;
        BOOST_TEST_REQUIRE(begun);
        for (int i = 0; i < 3; ++i) {
            tls::socket quick = tls::connect(client_of(server));
            auto talking = talk(quick);
            const std::string failed = co_await talking;
            BOOST_TEST(failed == "");
        }
        BOOST_TEST(slow_failed == "not yet");
        BOOST_TEST(stacks_in_use() == 1U);
        go.set();
        co_await beside.join();
        BOOST_TEST(slow_failed == "");
        BOOST_TEST(stacks_in_use() == 0U);
    });
}

BOOST_AUTO_TEST_CASE(a_handler_that_fails_or_answers_nonsense_ends_that_handshake_only,
                     *label("SNI-07 SNI-09 ALPN-08 CONN-16"))
{
    test::run([]() -> task<> {
        struct {
            std::string what;
            std::string code;
            int alert;
        } const cases[] = {{"throws", "ERR_TLS_HANDLER_FAILED", 80},
                           {"waits and throws", "ERR_TLS_HANDLER_FAILED", 80},
                           {"unknown name", "ERR_TLS_HANDSHAKE_REFUSED", 112},
                           {"foreign protocol", "ERR_TLS_ALPN_CALLBACK_INVALID_RESULT", 80},
                           {"no protocol", "ERR_SSL_NO_APPLICATION_PROTOCOL", 120},
                           {"unpinned", "ERR_PIN", 42}};
        std::string now;
        tls::server_options options{.request_cert = true};
        options.alpn_callback = [&](const tls::alpn_request& request) -> tls::alpn_answer {
            if (now == "no protocol")
                return std::nullopt;
            return now == "foreign protocol" ? std::string("gopher") : request.protocols.front();
        };
        options.sni_callback = [&](std::string) -> task<tls::sni_answer> {
            if (now == "waits and throws")
                co_await this_task::yield();
            if (now == "unknown name")
                co_return tls::sni_answer::refuse();
            if (now.ends_with("throws"))
                throw std::runtime_error("no such name");
            co_return std::nullopt;
        };
        options.verify_peer = [&] {
            return now == "unpinned" ? tls::verdict::refuse("ERR_PIN", "another key") : tls::verdict::unchanged();
        };
        noting_server server(std::move(options), {.ca = all().root.certificate()});
        for (const auto& one : cases) {
            now = one.what;
            server.failures.clear();
            tls::socket client = tls::connect(client_of(server));
            auto talking = talk(client);
            const std::string failed = co_await talking;
            BOOST_TEST(failed != "", one.what);
            auto reporting = test::eventually([&] { return server.failures.size() == 1; });
            const bool reported = co_await reporting;
            BOOST_TEST_REQUIRE(reported, one.what);
            BOOST_TEST(server.failures.front().code == one.code);
            BOOST_TEST(int{server.failures.front().alert.value_or(0)} == one.alert, one.what);
            if (one.what.ends_with("throws"))
                BOOST_CHECK_THROW(std::rethrow_exception(server.failures.front().exception), std::runtime_error);
        }
        now = "";
        tls::socket client = tls::connect(client_of(server));
        auto talking = talk(client);
        const std::string failed = co_await talking;
        BOOST_TEST(failed == "");
        BOOST_TEST(server.secure == 1);
        BOOST_TEST(stacks_in_use() == 0U);
    });
}

namespace {

/// A server whose handler of this kind never answers, and is counted meanwhile.
tls::server_options waiting_in(const std::string& kind, int& waiting)
{
    tls::server_options options{.request_cert = true};
    if (kind == "sni")
        options.sni_callback = [&waiting]() -> task<tls::sni_answer> {
            co_await wait_for_ever(waiting);
            co_return std::nullopt;
        };
    else if (kind == "alpn")
        options.alpn_callback = [&waiting]() -> task<tls::alpn_answer> {
            co_await wait_for_ever(waiting);
            co_return std::nullopt;
        };
    else
        options.verify_peer = [&waiting]() -> task<tls::verdict> {
            co_await wait_for_ever(waiting);
            co_return tls::verdict::unchanged();
        };
    return options;
}

test::waiting_handshake waiting_handshake_in(std::string kind)
{
    return {[kind](int& waiting, std::chrono::milliseconds timeout, tls::server::connection_handler serve) {
                tls::server_options options = waiting_in(kind, waiting);
                options.handshake_timeout = timeout;
                return tls::create_server(
                    test::serving(all().server, std::move(options), {.ca = all().root.certificate()}),
                    std::move(serve));
            },
            [](std::uint16_t port) { return client_of(port); }};
}

}  // namespace

BOOST_AUTO_TEST_CASE(whatever_ends_a_handshake_that_waits_ends_its_handler_and_leaves_nothing_behind, *label("SNI-11"))
{
    for (const std::string kind : {"sni", "alpn", "verify"})
        for (const ending how : test::all_endings)
            BOOST_TEST_CONTEXT(kind << ", ending " << static_cast<int>(how))
            {
                // A client's last flight is there when its verification is asked about: only a reset tells that it left.
                if (kind == "verify" && how == ending::client_ends)
                    continue;
                test::run([kind, how] { return test::end_a_waiting_handshake(waiting_handshake_in(kind), how); });
            }
}

BOOST_AUTO_TEST_CASE(a_client_s_handler_ends_with_its_socket_and_its_deadline, *label("CONN-16 F-30"))
{
    test::run([]() -> task<> {
        const test::process_counts before = test::process_counts::now();
        for (const std::string how : {"destroy", "destroyed", "deadline", "canceled"}) {
            noting_server server({});
            int waiting = 0;
            tls::connect_options options = client_of(server);
            options.handshake_timeout = how == "deadline" ? 200ms : 30s;
            options.check_server_identity = [&]() -> task<std::optional<tls::identity_error>> {
                co_await wait_for_ever(waiting);
                co_return std::nullopt;
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
            else if (how == "canceled")
                beside.request_stop();
            co_await beside.join();
            BOOST_TEST(outcome == (how == "deadline"   ? "ERR_TLS_HANDSHAKE_TIMEOUT"
                                   : how == "canceled" ? "ABORT_ERR"
                                                       : "ERR_STREAM_DESTROYED"));
            if (how == "canceled") {
                BOOST_TEST(waiting == 1);  // the handshake can be gone on with
            } else {
                auto leaving = test::eventually([&] { return waiting == 0; });
                const bool left = co_await leaving;
                BOOST_TEST(left, how);  // whether the socket is kept or not
            }
            client.reset();
            BOOST_TEST(waiting == 0, how);  // what it refers to may be gone next
            BOOST_TEST(stacks_in_use() == 0U, how);
        }
        auto back = test::counts_return_to(before);
        co_await back;
    });
}

BOOST_AUTO_TEST_CASE(a_socket_whose_handler_waits_may_outlive_its_loop, *label("F-30"))
{
    for (const bool destroys : {false, true}) {
        std::optional<tls::socket> client;
        int waiting = 0;
        test::run([&]() -> task<> {
            noting_server server({});
            tls::connect_options options = client_of(server);
            options.check_server_identity = [&]() -> task<std::optional<tls::identity_error>> {
                co_await wait_for_ever(waiting);
                co_return std::nullopt;
            };
            client = tls::connect(std::move(options));
            auto impatient = with_timeout(100ms, client->secure_connect());
            const result<> connected = co_await impatient;
            BOOST_TEST(name_of(connected) == "ETIMEDOUT");
            BOOST_TEST(waiting == 1);
        });
        if (destroys)
            client->destroy();
        client.reset();
        BOOST_TEST(waiting == 0);
        BOOST_TEST(stacks_in_use() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(the_stacks_of_a_crowd_that_waited_go_back_to_the_kernel)
{
    test::run([]() -> task<> {
        static constexpr std::size_t crowd = coil::internal::fiber_stack_pool::kept + 16;
        int waiting = 0;
        event go;
        noting_server server({.sni_callback = [&]() -> task<tls::sni_answer> {
            const at_work counted(waiting);
            static_cast<void>(co_await go.wait());
            co_return std::nullopt;
        }});
        scope all;
        std::size_t talked = 0;
        const auto visit = [&]() -> task<> {
            tls::socket client = tls::connect(client_of(server));
            auto talking = talk(client);
            const std::string failed = co_await talking;
            talked += failed.empty() ? 1 : 0;
        };
        for (std::size_t i = 0; i < crowd; ++i)
            all.spawn(visit);
        auto gathering = test::eventually([&] { return waiting == static_cast<int>(crowd); });
        const bool gathered = co_await gathering;
        BOOST_TEST(gathered);
        BOOST_TEST(stacks_in_use() == crowd);
        go.set();
        co_await all.join();
        BOOST_TEST(talked == crowd);
        const auto& pool = coil::internal::fiber_stack_pool::of_thread();
        auto trimming = test::eventually([&] { return pool.free() <= coil::internal::fiber_stack_pool::kept; });
        const bool trimmed = co_await trimming;
        BOOST_TEST(trimmed);
    });
}

BOOST_AUTO_TEST_CASE(a_handshake_goes_on_after_the_one_who_waited_for_it_gave_up, *label("CONN-16"))
{
    test::run([]() -> task<> {
        noting_server server({});
        event go;
        tls::connect_options options = client_of(server);
        options.check_server_identity = [&]() -> task<std::optional<tls::identity_error>> {
            const result<> told = co_await go.wait();
            BOOST_TEST(told.has_value());
            co_return std::nullopt;
        };
        tls::socket client = tls::connect(std::move(options));
        auto impatient = with_timeout(100ms, client.secure_connect());
        const result<> first = co_await impatient;
        BOOST_TEST(name_of(first) == "ETIMEDOUT");
        go.set();
        auto talking = talk(client);
        const std::string failed = co_await talking;
        BOOST_TEST(failed == "");
    });
}

BOOST_AUTO_TEST_CASE(a_socket_around_a_connection_has_the_same_handlers,
                     *label("F-63 SOCK-05 SOCK-07 SOCK-10 SOCK-44 SNI-12"))
{
    test::run([]() -> task<> {
        std::optional<tls::socket> secured;
        net::server below = net::create_server({}, [&](net::socket accepted) -> task<> {
            tls::socket_options options;
            options.is_server = true;
            options.secure_context = {{.cert = all().server.cert, .key = all().server.key}};
            options.alpn_callback = [&](tls::alpn_request request) -> task<tls::alpn_answer> {
                co_await this_task::yield();
                secured->set_key_cert(for_b());
                co_return request.protocols.front();
            };
            secured.emplace(std::move(accepted), std::move(options));
            auto securing = secured->secure_connect();
            const result<> secure = co_await securing;
            BOOST_TEST(name_of(secure) == "");
            auto echoing = test::echo(std::move(*secured));
            co_await echoing;
        });
        tls::connect_options options = test::client_of(
            test::listen_anywhere(below), {.alpn_protocols = {"acme-tls/1"}, .servername = "b.example.com"},
            {.ca = all().other_root.certificate()});
        tls::socket client = tls::connect(std::move(options));
        auto talking = talk(client);
        const std::string failed = co_await talking;
        BOOST_TEST(failed == "");
        BOOST_TEST(client.alpn_protocol().value_or("") == "acme-tls/1");
        BOOST_TEST(client.get_peer_certificate()->subject->get("CN").value() == "b.example.com");
    });
}

BOOST_AUTO_TEST_CASE(an_error_handler_may_be_a_coroutine, *label("EVT-08"))
{
    test::run([]() -> task<> {
        noting_server server({.alpn_callback = [] { return std::nullopt; }});
        std::vector<std::string> told;
        server.server->on_tls_client_error([&](tls::error_info what, const tls::socket& failed) -> task<> {
            co_await this_task::yield();
            told.push_back(what.code);
            BOOST_TEST(failed.remote_address().has_value());
        });
        tls::socket client = tls::connect(client_of(server));
        auto talking = talk(client);
        const std::string failed = co_await talking;
        BOOST_TEST(failed != "");
        auto telling = test::eventually([&] { return told.size() == 1; });
        const bool heard = co_await telling;
        BOOST_TEST_REQUIRE(heard);
        BOOST_TEST(told.front() == "ERR_SSL_NO_APPLICATION_PROTOCOL");
    });
}

BOOST_AUTO_TEST_SUITE_END()
