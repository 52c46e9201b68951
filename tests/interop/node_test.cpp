// Node.js as peer: what coil mirrors must at least understand it.

#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include "tests/interop/transfer.hpp"
#include "tests/support/credentials.hpp"
#include "tests/support/peer_process.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>

using namespace coil;
using test::name_of;
using test::peer_process;
using tls::protocol_version;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

const test::credential_files& files()
{
    static const test::credential_files shared;
    return shared;
}

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

/// Whether a line of JSON, as JSON.stringify writes it, says so.
bool says(const std::string& json, const std::string& field, const std::string& value)
{
    return json.find("\"" + field + "\":" + value) != std::string::npos;
}

std::string json_text(std::string_view text)
{
    return "\"" + std::string(text) + "\"";
}

/// What follows `before` in `text`, up to `after`.
std::string between(const std::string& text, const std::string& before, const std::string& after)
{
    const std::size_t start = text.find(before);
    if (start == std::string::npos)
        return "";
    const std::size_t begin = start + before.size();
    return text.substr(begin, text.find(after, begin) - begin);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(node_test)

BOOST_AUTO_TEST_CASE(a_node_client_exchanges_sixteen_mebibytes_with_a_server,
                     *boost::unit_test::label("ALPN-04 EVT-07 GEN-01 SRV-01 SRV-10"))
{
    for (const protocol_version version : both_versions) {
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            std::optional<test::transfer> made;
            std::string alpn;
            tls::server_options options = test::serving(
                all().server, {.allow_half_open = true, .alpn_protocols = {"transfer"}, .request_cert = true},
                {.ca = all().root.certificate()});
            tls::server server = tls::create_server(std::move(options), [&](tls::socket socket) -> task<> {
                BOOST_TEST(socket.authorized());
                BOOST_TEST(socket.servername().value_or("") == "localhost");
                alpn = std::string(socket.alpn_protocol().value_or(""));
                auto transferring = test::transfer_both_ways(socket, 31);
                made = co_await transferring;
            });
            server.on_tls_client_error(
                [](const tls::error_info& what, const tls::socket&) { BOOST_ERROR(what.message); });
            const std::uint16_t port = test::listen_anywhere(server);
            peer_process peer({test::node_program(), "tests/interop/transfer_client.js", std::to_string(port),
                               std::string(tls::to_string(version)), std::to_string(test::transfer_size),
                               files().path("client.pem"), files().path("client.key"), files().path("root.pem")},
                              folder);
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST(code.value_or(-1) == 0, peer.errors());
            const std::string report = peer.output();
            auto finishing = test::eventually([&] { return made.has_value(); });
            const bool finished = co_await finishing;
            BOOST_TEST_REQUIRE(finished, report);
            BOOST_TEST(says(report, "protocol", json_text(tls::to_string(version))), report);
            BOOST_TEST(says(report, "authorized", "true"), report);
            BOOST_TEST(says(report, "alpn", json_text("transfer")), report);
            BOOST_TEST(says(report, "peer", json_text("localhost")), report);
            BOOST_TEST(says(report, "bytes", std::to_string(test::transfer_size)), report);
            BOOST_TEST(says(report, "received", json_text(made->sent)), report);
            BOOST_TEST(says(report, "sent", json_text(made->received)), report);
            BOOST_TEST(alpn == "transfer");
            BOOST_TEST(made->end == name_of(result<>(errc::end_of_stream)));
        });
    }
}

BOOST_AUTO_TEST_CASE(a_node_server_exchanges_sixteen_mebibytes_with_a_client,
                     *boost::unit_test::label("ALPN-03 GEN-01 SOCK-26"))
{
    for (const protocol_version version : both_versions) {
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            peer_process peer({test::node_program(), "tests/interop/transfer_server.js",
                               std::string(tls::to_string(version)), std::to_string(test::transfer_size),
                               files().path("server.pem"), files().path("server.key"), files().path("root.pem")},
                              folder);
            auto starting = peer.says(";");
            const bool listens = co_await starting;
            BOOST_TEST_REQUIRE(listens, peer.errors());
            tls::connect_options options =
                test::client_of(static_cast<std::uint16_t>(std::stoi(between(peer.output(), "port ", ";"))), {},
                                {.cert = all().client.cert, .key = all().client.key});
            options.alpn_protocols = {"transfer", "unknown"};
            options.servername = "localhost";
            options.allow_half_open = true;
            tls::socket client = tls::connect(std::move(options));
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST_REQUIRE(name_of(connected) == "", peer.errors());
            BOOST_TEST(client.get_protocol().value() == tls::to_string(version));
            BOOST_TEST(client.alpn_protocol().value_or("") == "transfer");
            auto transferring = test::transfer_both_ways(client, 32);
            const test::transfer made = co_await transferring;
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST(code.value_or(-1) == 0, peer.errors());
            const std::string report = peer.output();
            BOOST_TEST(says(report, "protocol", json_text(tls::to_string(version))), report);
            BOOST_TEST(says(report, "authorized", "true"), report);
            BOOST_TEST(says(report, "alpn", json_text("transfer")), report);
            BOOST_TEST(says(report, "servername", json_text("localhost")), report);
            BOOST_TEST(says(report, "peer", json_text("client")), report);
            BOOST_TEST(says(report, "received", json_text(made.sent)), report);
            BOOST_TEST(says(report, "sent", json_text(made.received)), report);
            BOOST_TEST(made.received_bytes == test::transfer_size);
            BOOST_TEST(made.end == name_of(result<>(errc::end_of_stream)));
        });
    }
}

BOOST_AUTO_TEST_CASE(node_and_coil_refuse_each_other_for_the_same_reasons, *boost::unit_test::label("CONN-12 SRV-11"))
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        {  // Node's client does not trust coil's server.
            tls::server server = tls::create_server(test::serving(all().self_signed_server), test::echo);
            std::string code_at_server;
            server.on_tls_client_error(
                [&](const tls::error_info& what, const tls::socket&) { code_at_server = what.code; });
            const std::uint16_t port = test::listen_anywhere(server);
            peer_process peer({test::node_program(), "tests/interop/transfer_client.js", std::to_string(port),
                               "TLSv1.2", "1", files().path("client.pem"), files().path("client.key"),
                               files().path("root.pem")},
                              folder);
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST(code.has_value());
            BOOST_TEST(says(peer.output(), "failed", json_text("DEPTH_ZERO_SELF_SIGNED_CERT")), peer.output());
        }
        {  // Node's server does not get a certificate from coil's client.
            peer_process peer({test::node_program(), "tests/interop/transfer_server.js", "TLSv1.2", "1",
                               files().path("server.pem"), files().path("server.key"), files().path("root.pem")},
                              folder);
            auto starting = peer.says(";");
            const bool listens = co_await starting;
            BOOST_TEST_REQUIRE(listens, peer.errors());
            tls::socket client = tls::connect(
                test::client_of(static_cast<std::uint16_t>(std::stoi(between(peer.output(), "port ", ";")))));
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE");
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST(code.has_value());
            BOOST_TEST(says(peer.output(), "failed", json_text("ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE")),
                       peer.output());
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()
