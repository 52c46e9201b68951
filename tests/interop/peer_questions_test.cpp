// The last word of a program on its peers, which are programs of others: what they see of it, and who they turn out to be.

#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include "tests/interop/question_peers.hpp"
#include "tests/support/credentials.hpp"
#include "tests/support/peer_process.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using boost::unit_test::label;
using test::asking_server;
using test::client_kind;
using test::name_of;
using test::peer_process;
using test::sighting;
using test::words;
using tls::protocol_version;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

task<> wait_a_little()
{
    const result<> waited = co_await sleep_for(5ms);
    BOOST_TEST(waited.has_value());
}

/// Waits, notes what was found about whom, and gives `last`.
tls::verification_handler saying(tls::verdict last, words& found_out)
{
    return [last, &found_out](tls::peer_verification found) -> task<tls::verdict> {
        co_await wait_a_little();
        const std::string who(found.cert.subject->get("CN").value_or(""));
        found_out.push_back(who + ": " + error_name(found.error));
        co_return last;
    };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(peer_questions_test)

BOOST_AUTO_TEST_CASE(a_waiting_handler_lets_clients_of_an_unknown_authority_in, *label("BYD-06"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        words found;
        asking_server server({.request_cert = true, .verify_peer = saying(tls::verdict::accept(), found)},
                             {.ca = all().root.certificate()});
        auto visiting = test::visit_server(kind, server.port, version, {.shows = "foreign_client"});
        const sighting seen = co_await visiting;
        BOOST_TEST(seen.exit_code == 0, seen.text);
        BOOST_TEST(seen.code == "", seen.text);
        BOOST_TEST(found == words{"foreign client: SELF_SIGNED_CERT_IN_CHAIN"}, boost::test_tools::per_element());
        BOOST_TEST_REQUIRE(server.guests.size() == 1U);
        BOOST_TEST(server.guests.front().authorized);
        BOOST_TEST(server.guests.front().authorization_error == "");
        BOOST_TEST(server.guests.front().peer == "foreign client");
    });
}

BOOST_AUTO_TEST_CASE(a_waiting_handler_refuses_clients_whose_certificate_is_good, *label("BYD-06"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        words found;
        asking_server server(
            {.request_cert = true, .verify_peer = saying(tls::verdict::refuse("ERR_PIN", "another key"), found)},
            {.ca = all().root.certificate()});
        auto visiting = test::visit_server(kind, server.port, version, {.shows = "client"});
        const sighting seen = co_await visiting;
        BOOST_TEST(seen.alert == 42, seen.text);
        if (kind == client_kind::node)
            BOOST_TEST(seen.code == "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", seen.text);
        BOOST_TEST(found == words{"client: "}, boost::test_tools::per_element());
        auto failing = server.failure();
        const tls::error_info failure = co_await failing;
        BOOST_TEST(failure.code == "ERR_PIN");
        BOOST_TEST(int{failure.alert.value_or(0)} == 42);
        BOOST_TEST_REQUIRE((failure.peer_certificate != nullptr));
        BOOST_TEST(failure.peer_certificate->subject->get("CN").value_or("") == "client");
        BOOST_TEST(server.guests.empty());
    });
}

BOOST_AUTO_TEST_CASE(a_handler_with_nothing_to_add_leaves_clients_to_what_was_found, *label("BYD-06 BYD-27"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        words found;
        asking_server server({.request_cert = true, .verify_peer = saying(tls::verdict::unchanged(), found)},
                             {.ca = all().root.certificate()});
        auto visiting = test::visit_server(kind, server.port, version, {.shows = "foreign_client"});
        const sighting seen = co_await visiting;
        BOOST_TEST(seen.alert == 48, seen.text);
        if (kind == client_kind::node)
            BOOST_TEST(seen.code == "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", seen.text);
        auto failing = server.failure();
        const tls::error_info failure = co_await failing;
        BOOST_TEST(failure.code == "SELF_SIGNED_CERT_IN_CHAIN");
        auto welcoming = test::visit_server(kind, server.port, version, {.shows = "client"});
        const sighting welcome = co_await welcoming;
        BOOST_TEST(welcome.exit_code == 0, welcome.text);
        BOOST_TEST(found == (words{"foreign client: SELF_SIGNED_CERT_IN_CHAIN", "client: "}),
                   boost::test_tools::per_element());
        BOOST_TEST(server.guests.size() == 1U);
    });
}

BOOST_AUTO_TEST_CASE(clients_that_are_not_refused_are_let_in_unauthorized, *label("BYD-06"))
{
    test::for_each_client([](client_kind kind, protocol_version version) -> task<> {
        words found;
        asking_server server({.reject_unauthorized = false,
                              .request_cert = true,
                              .verify_peer = saying(tls::verdict::refuse("ERR_PIN", "another key"), found)},
                             {.ca = all().root.certificate()});
        auto visiting = test::visit_server(kind, server.port, version, {.shows = "client"});
        const sighting seen = co_await visiting;
        BOOST_TEST(seen.exit_code == 0, seen.text);
        BOOST_TEST(seen.code == "", seen.text);
        BOOST_TEST_REQUIRE(server.guests.size() == 1U);
        BOOST_TEST(!server.guests.front().authorized);
        BOOST_TEST(server.guests.front().authorization_error == "ERR_PIN");
    });
}

namespace {

/// An echo server that asks about each certificate it sees, and what s_client makes of its second answer.
struct renegotiation {
    explicit renegotiation(tls::verdict second) : second_(std::move(second)) {}

    task<> run()
    {
        tls::server_options options{.request_cert = true};
        options.sni_callback = [this](std::string) -> task<tls::sni_answer> {
            ++named;
            co_await wait_a_little();
            co_return std::nullopt;
        };
        options.verify_peer = [this](tls::peer_verification) -> task<tls::verdict> {
            const bool again = ++asked > 1;
            co_await wait_a_little();
            co_return again ? second_ : tls::verdict::unchanged();
        };
        tls::server server = tls::create_server(
            test::serving(all().server, std::move(options), {.ca = all().root.certificate()}), test::echo);
        const std::uint16_t port = test::listen_anywhere(server);
        const test::scratch_folder folder;
        peer_process peer(
            test::client_command(client_kind::s_client, port, protocol_version::tlsv1_2, {.shows = "client"}), folder);
        auto greeting = say(peer, "before\n", "before");
        co_await greeting;
        auto feeding = peer.feed("R\n");
        const bool fed = co_await feeding;
        BOOST_TEST(fed);
        auto asking = test::eventually([this] { return asked == 2; });
        const bool asked_again = co_await asking;
        BOOST_TEST(asked_again, peer.errors());
        if (second_.objection()) {
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST(code.value_or(-1) == 1);
        } else {
            auto talking = say(peer, "after\n", "after");
            co_await talking;
        }
        alert = test::alert_in(peer.errors());
    }

    /// Says something that comes back.
    static task<> say(peer_process& peer, std::string text, std::string echoed)
    {
        auto feeding = peer.feed(text);
        const bool fed = co_await feeding;
        BOOST_TEST(fed);
        auto hearing = peer.says(echoed);
        const bool heard = co_await hearing;
        BOOST_TEST(heard, peer.output() << peer.errors());
    }

    int asked = 0;
    int named = 0;
    int alert = 0;

private:
    tls::verdict second_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_client_that_renegotiates_is_asked_about_again, *label("BYD-06 RNG-01"))
{
    renegotiation accepted(tls::verdict::accept());
    test::run([&] { return accepted.run(); });
    BOOST_TEST(accepted.asked == 2);
    BOOST_TEST(accepted.named == 1);
    BOOST_TEST(accepted.alert == 0);
}

BOOST_AUTO_TEST_CASE(a_client_that_renegotiates_can_be_refused_then, *label("BYD-06"))
{
    renegotiation refused(tls::verdict::refuse("ERR_PIN", "not any more"));
    test::run([&] { return refused.run(); });
    BOOST_TEST(refused.asked == 2);
    BOOST_TEST(refused.alert == 42);
}

namespace {

/// Programs that speak TLS as servers.
enum class server_kind { s_server, node, nginx };

std::ostream& operator<<(std::ostream& out, server_kind kind)
{
    constexpr std::array names{"s_server", "Node", "nginx"};
    return out << names.at(static_cast<std::size_t>(kind));
}

/// A server of another program with the certificate of `who`.
class foreign_server {
public:
    foreign_server(server_kind kind, protocol_version version, const std::string& who)
        : kind_(kind),
          port_(test::free_port()),
          process_(command(version, test::shared_files().path(who + ".pem"), test::shared_files().path(who + ".key")),
                   folder_)
    {
    }

    /// Waits until it listens. @return on which port.
    task<std::uint16_t> port()
    {
        if (kind_ == server_kind::node) {
            auto starting = process_.says(";");
            const bool started = co_await starting;
            BOOST_TEST_REQUIRE(started, text());
            co_return static_cast<std::uint16_t>(std::stoi(test::between(process_.output(), "port ", ";")));
        }
        auto starting = process_.listens(port_);
        const bool started = co_await starting;
        BOOST_TEST_REQUIRE(started, text());
        co_return port_;
    }

    /// Waits until it has told which alert came. @return that.
    task<int> alert()
    {
        auto telling = test::eventually([this] { return test::alert_in(text()) != 0; });
        const bool told = co_await telling;
        BOOST_TEST(told, text());
        co_return test::alert_in(text());
    }

    std::string text() const { return process_.output() + process_.errors(); }

private:
    words command(protocol_version version, const std::string& cert, const std::string& key) const
    {
        const std::string name(tls::to_string(version));
        if (kind_ == server_kind::node)
            return {test::node_program(), "tests/interop/question_server.js", name, cert, key};
        const std::string place = "127.0.0.1:" + std::to_string(port_);
        if (kind_ == server_kind::s_server)
            return {"openssl",  "s_server", "-accept", place,
                    "-cert",    cert,       "-key",    key,
                    "-naccept", "1",        "-quiet",  version == protocol_version::tlsv1_2 ? "-tls1_2" : "-tls1_3"};
        std::string paths;
        for (const std::string kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
            paths += kind + "_temp_path " + folder_.path(kind) + "; ";
        const std::string configuration =
            folder_.write("nginx.conf", "daemon off; master_process off; user root; error_log stderr info; pid " +
                                            folder_.path("pid") + ";\nevents {}\nhttp { access_log off; " + paths +
                                            "\nserver { listen " + place + " ssl; ssl_protocols TLSv1." + name.back() +
                                            "; ssl_certificate " + cert + "; ssl_certificate_key " + key +
                                            "; return 200 welcome; } }\n");
        return {"/usr/sbin/nginx", "-c", configuration, "-p", folder_.path("")};
    }

    server_kind kind_;
    std::uint16_t port_;
    test::scratch_folder folder_;
    peer_process process_;
};

void for_each_server(const std::function<task<>(server_kind, protocol_version)>& body)
{
    for (const server_kind kind : {server_kind::s_server, server_kind::node, server_kind::nginx})
        for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3})
            BOOST_TEST_CONTEXT(kind << ", " << tls::to_string(version))
            {
                test::run([&] { return body(kind, version); });
            }
}

/// A client whose handlers wait, note what they are asked, and answer with these.
struct asking_client {
    tls::verdict last_word = tls::verdict::unchanged();
    std::optional<tls::identity_error> wrong_identity = {};
    bool fails = false;
    words asked = {};
    std::optional<tls::socket> socket = {};

    /// Connects to `server`. @return what went wrong.
    task<std::string> visit(foreign_server& server)
    {
        auto starting = server.port();
        const std::uint16_t port = co_await starting;
        tls::connect_options options = test::client_of(port, {.servername = "localhost"});
        options.check_server_identity = [this](std::string host,
                                               tls::certificate cert) -> task<std::optional<tls::identity_error>> {
            asked.push_back("whether " + std::string(cert.subject->get("CN").value_or("")) + " is " + host);
            co_await wait_a_little();
            if (fails)
                throw std::runtime_error("no pins at hand");
            co_return wrong_identity;
        };
        options.verify_peer = [this](tls::peer_verification found) -> task<tls::verdict> {
            asked.push_back("found " + (found.wrong_identity ? found.wrong_identity->code : error_name(found.error)));
            co_await wait_a_little();
            co_return last_word;
        };
        socket = tls::connect(std::move(options));
        auto connecting = socket->secure_connect();
        const result<> connected = co_await connecting;
        co_return connected ? "" : socket->error_info().code;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_client_takes_its_time_to_know_a_server, *label("CONN-16 BYD-06 IDN-02"))
{
    for_each_server([](server_kind kind, protocol_version version) -> task<> {
        foreign_server server(kind, version, "server");
        asking_client client;
        auto visiting = client.visit(server);
        const std::string failed = co_await visiting;
        BOOST_TEST(failed == "", server.text());
        BOOST_TEST(client.asked == (words{"whether localhost is localhost", "found "}),
                   boost::test_tools::per_element());
        BOOST_TEST(client.socket->authorized());
        BOOST_TEST(client.socket->get_protocol().value_or("") == tls::to_string(version));
        if (kind != server_kind::node)
            co_return;
        auto telling = test::eventually([&] { return server.text().find("servername") != std::string::npos; });
        const bool told = co_await telling;
        BOOST_TEST(told, server.text());
        BOOST_TEST(test::between(server.text(), "\"servername\":\"", "\"") == "localhost");
    });
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_know_a_server_tells_it_so, *label("CONN-16 IDN-02"))
{
    for_each_server([](server_kind kind, protocol_version version) -> task<> {
        foreign_server server(kind, version, "server");
        asking_client client{.wrong_identity = tls::identity_error{"ERR_PIN", "another key", ""}};
        auto visiting = client.visit(server);
        const std::string failed = co_await visiting;
        BOOST_TEST(failed == "ERR_PIN", server.text());
        BOOST_TEST(client.asked == (words{"whether localhost is localhost", "found ERR_PIN"}),
                   boost::test_tools::per_element());
        auto telling = server.alert();
        const int alert = co_await telling;
        BOOST_TEST(alert == 42, server.text());
    });
}

BOOST_AUTO_TEST_CASE(a_client_refuses_a_server_that_all_else_speaks_for, *label("BYD-06"))
{
    for_each_server([](server_kind kind, protocol_version version) -> task<> {
        foreign_server server(kind, version, "server");
        asking_client client{.last_word = tls::verdict::refuse("ERR_REVOKED", "asked elsewhere")};
        auto visiting = client.visit(server);
        const std::string failed = co_await visiting;
        BOOST_TEST(failed == "ERR_REVOKED", server.text());
        BOOST_TEST(client.socket->error_info().message == "asked elsewhere");
        auto telling = server.alert();
        const int alert = co_await telling;
        BOOST_TEST(alert == 42, server.text());
    });
}

BOOST_AUTO_TEST_CASE(a_client_accepts_a_server_of_an_unknown_authority, *label("BYD-06 CONN-16"))
{
    for_each_server([](server_kind kind, protocol_version version) -> task<> {
        foreign_server server(kind, version, "self_signed_server");
        asking_client client{.last_word = tls::verdict::accept()};
        auto visiting = client.visit(server);
        const std::string failed = co_await visiting;
        BOOST_TEST(failed == "", server.text());
        // For whom nobody vouches, whose it is does not matter.
        BOOST_TEST(client.asked == words{"found DEPTH_ZERO_SELF_SIGNED_CERT"}, boost::test_tools::per_element());
        BOOST_TEST(client.socket->authorized());
    });
}

BOOST_AUTO_TEST_CASE(a_client_with_nothing_to_add_refuses_a_server_of_an_unknown_authority, *label("BYD-06"))
{
    for_each_server([](server_kind kind, protocol_version version) -> task<> {
        foreign_server server(kind, version, "self_signed_server");
        asking_client client;
        auto visiting = client.visit(server);
        const std::string failed = co_await visiting;
        BOOST_TEST(failed == "DEPTH_ZERO_SELF_SIGNED_CERT", server.text());
        auto telling = server.alert();
        const int alert = co_await telling;
        BOOST_TEST(alert == 48, server.text());
    });
}

BOOST_AUTO_TEST_CASE(a_client_whose_handler_throws_ends_the_handshake_with_an_alert, *label("CONN-16"))
{
    for_each_server([](server_kind kind, protocol_version version) -> task<> {
        foreign_server server(kind, version, "server");
        asking_client client{.fails = true};
        auto visiting = client.visit(server);
        const std::string failed = co_await visiting;
        BOOST_TEST(failed == "ERR_TLS_HANDLER_FAILED", server.text());
        const tls::error_info info = client.socket->error_info();
        BOOST_CHECK_THROW(std::rethrow_exception(info.exception), std::runtime_error);
        auto telling = server.alert();
        const int alert = co_await telling;
        BOOST_TEST(alert == int{info.alert.value_or(0)}, server.text());
        BOOST_TEST(alert == 40, server.text());
    });
}

BOOST_AUTO_TEST_SUITE_END()
