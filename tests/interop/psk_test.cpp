// Keys that both sides have before they meet: OpenSSL's programs and Node as peers, and Redis as the place where keys are.

#include <coil/net/connect.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include "tests/support/peer_process.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using boost::unit_test::label;
using test::name_of;
using test::peer_process;
using tls::protocol_version;

namespace {

using words = std::vector<std::string>;

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};
const std::string key_text = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// What the text says in hexadecimal digits.
std::vector<std::byte> bytes_of(const std::string& digits)
{
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

bool is_old(protocol_version version)
{
    return version == protocol_version::tlsv1_2;
}

tls::secure_context_options with_keys(protocol_version version)
{
    tls::secure_context_options options = test::only(version);
    if (is_old(version))
        options.ciphers = "PSK+HIGH";
    return options;
}

using key_source = std::function<task<std::optional<tls::psk_key>>(std::string)>;

task<std::optional<tls::psk_key>> know_one_after_a_while(std::string identity)
{
    static_cast<void>(co_await sleep_for(5ms));
    if (identity != "Käthe")
        co_return std::nullopt;
    co_return bytes_of(key_text);
}

/// Says hello to whoever has a key that `source` knows.
struct key_server {
    key_server(protocol_version version, key_source source)
        : server(tls::create_server(
              {.psk_callback = [source = std::move(source)](std::string name) { return source(std::move(name)); },
               .psk_identity_hint = "which",
               .secure_context = {with_keys(version)}},
              [this](tls::socket socket) { return greet(std::move(socket)); })),
          port(test::listen_anywhere(server))
    {
        server.on_tls_client_error([this](tls::error_info what) { failures.push_back(what.code); });
    }
    key_server(const key_server&) = delete;

    task<> greet(tls::socket socket)
    {
        identity = socket.psk_identity().value_or("");
        const result<std::size_t> sent = co_await socket.write("by key\n");
        BOOST_TEST(sent.has_value());
        const result<> ended = co_await socket.end();
        static_cast<void>(ended);  // the client may have left
        auto reading = test::read_to_the_end(std::move(socket));
        co_await reading;
    }

    std::string identity;
    std::vector<std::string> failures;
    tls::server server;
    std::uint16_t port;
};

words s_client(std::uint16_t port, protocol_version version, const std::string& identity, const std::string& key)
{
    words command{"openssl",       "s_client", "-connect", "127.0.0.1:" + std::to_string(port),
                  "-psk_identity", identity,   "-psk",     key};
    const words of_version = is_old(version) ? words{"-tls1_2", "-cipher", "PSK+HIGH"} : words{"-tls1_3"};
    command.insert(command.end(), of_version.begin(), of_version.end());
    return command;
}

/// Goes on with the session in "session.pem".
words resuming(std::uint16_t port, protocol_version version, const test::scratch_folder& folder)
{
    words command{
        "openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(port), "-sess_in", folder.path("session.pem")};
    const words of_version =
        is_old(version) ? words{"-tls1_2", "-cipher", "PSK+HIGH", "-psk", key_text} : words{"-tls1_3"};
    command.insert(command.end(), of_version.begin(), of_version.end());
    return command;
}

words node(const std::string& script, std::uint16_t port, protocol_version version, const std::string& identity)
{
    return {test::node_program(),
            "tests/interop/" + script,
            std::to_string(port),
            is_old(version) ? "TLSv1.2" : "TLSv1.3",
            identity,
            key_text};
}

/// @return what the server of `port` said to a client with this key, or the error's name.
task<std::string> talk_by_key(std::uint16_t port, protocol_version version, std::string identity)
{
    const auto propose = [&identity](std::optional<std::string> /*hint*/) -> task<std::optional<tls::psk_identity>> {
        static_cast<void>(co_await sleep_for(2ms));
        co_return tls::psk_identity{tls::psk_hash::sha256, identity, bytes_of(key_text)};
    };
    tls::connect_options options{.port = port, .psk_callback = propose, .secure_context = {with_keys(version)}};
    options.host = "127.0.0.1";
    tls::socket client = tls::connect(std::move(options));
    auto connecting = client.secure_connect();
    const result<> connected = co_await connecting;
    if (!connected)
        co_return client.error_info().code;
    BOOST_TEST(client.authorized());
    auto reading = test::read_exactly(client, 6);
    std::string said = co_await reading;
    co_return said;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(psk_peers)

BOOST_AUTO_TEST_CASE(s_client_is_served_by_a_coroutine_that_looks_its_key_up, *label("PSK-07 PSK-08 PSK-17 BYD-01"))
{
    for (const protocol_version version : both_versions)
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            key_server server(version, know_one_after_a_while);
            peer_process known(s_client(server.port, version, "Käthe", key_text), folder);
            const bool greeted = co_await known.says("by key");
            BOOST_TEST(greeted);
            BOOST_TEST(server.identity == "Käthe");
            peer_process unknown(s_client(server.port, version, "nobody", key_text), folder);
            const std::optional<int> code = co_await unknown.exited();
            BOOST_TEST(code.value_or(0) != 0);
            BOOST_TEST(unknown.errors().find(is_old(version) ? "unknown psk identity" : "handshake failure") !=
                       std::string::npos);
            BOOST_TEST_REQUIRE(server.failures.size() == 1u);
            BOOST_TEST(server.failures[0] == (is_old(version) ? "ERR_SSL_PSK_IDENTITY_NOT_FOUND"
                                                              : "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM"));
        });
}

BOOST_AUTO_TEST_CASE(a_session_that_began_with_a_key_still_names_it, *label("PSK-15 PSK-19"))
{
    for (const protocol_version version : both_versions)
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            int asked = 0;
            key_server server(version, [&asked](std::string identity) {
                ++asked;
                return know_one_after_a_while(std::move(identity));
            });
            words first = s_client(server.port, version, "Käthe", key_text);
            first.insert(first.end(), {"-sess_out", folder.path("session.pem")});
            peer_process known(first, folder);
            const bool greeted = co_await known.says("by key");
            BOOST_TEST(greeted);
            known.end_input();
            const std::optional<int> ended = co_await known.exited();
            BOOST_TEST(ended.value_or(-1) == 0);
            server.identity.clear();
            const words second = resuming(server.port, version, folder);
            peer_process resumed(second, folder);
            const bool again = co_await resumed.says("by key");
            BOOST_TEST(again);
            const bool reused = co_await resumed.says("Reused,");
            BOOST_TEST(reused);
            BOOST_TEST(server.identity == "Käthe");
            BOOST_TEST(asked == 1);
        });
}

BOOST_AUTO_TEST_CASE(a_session_that_began_with_a_key_is_worth_nothing_where_no_keys_are_known, *label("PSK-19 SRV-12"))
{
    for (const protocol_version version : both_versions)
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            tls::secure_context_options options = with_keys(version);
            options.ca = test::shared_credentials().root.certificate();
            if (!is_old(version))
                options.ciphers = "TLS_AES_128_GCM_SHA256";  // with another hash the session would be no use anyway
            const tls::secure_context shared = tls::create_secure_context(options);  // and with it the keys of tickets
            int strangers = 0;
            std::vector<std::string> failures;
            const auto greet = [](tls::socket socket) -> task<> {
                const result<std::size_t> sent = co_await socket.write("by key\n");
                BOOST_TEST(sent.has_value());
                auto reading = test::read_to_the_end(std::move(socket));
                co_await reading;
            };
            tls::server_options knowing{.request_cert = true, .secure_context = shared};
            knowing.psk_callback = know_one_after_a_while;
            tls::server keys = tls::create_server(std::move(knowing), greet);
            tls::server certificates = tls::create_server({.request_cert = true, .secure_context = shared},
                                                          [&strangers](tls::socket) -> task<> {
                                                              ++strangers;
                                                              co_return;
                                                          });
            certificates.on_tls_client_error([&failures](tls::error_info what) { failures.push_back(what.code); });
            words first = s_client(test::listen_anywhere(keys), version, "Käthe", key_text);
            first.insert(first.end(), {"-sess_out", folder.path("session.pem")});
            peer_process known(first, folder);
            const bool greeted = co_await known.says("by key");
            BOOST_TEST(greeted);
            known.end_input();
            const std::optional<int> ended = co_await known.exited();
            BOOST_TEST(ended.value_or(-1) == 0);
            const words second = resuming(test::listen_anywhere(certificates), version, folder);
            peer_process stranger(second, folder);
            auto refusing = test::eventually([&failures] { return !failures.empty(); });
            const bool refused = co_await refusing;
            BOOST_TEST(refused);
            BOOST_TEST(strangers == 0);
            BOOST_TEST(failures.at(0) == "UNABLE_TO_GET_ISSUER_CERT", failures.at(0));
        });
}

BOOST_AUTO_TEST_CASE(node_is_served_by_key, *label("PSK-07 PSK-12 PSK-17"))
{
    for (const protocol_version version : both_versions)
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            key_server server(version, know_one_after_a_while);
            peer_process client(node("psk_client.js", server.port, version, "Käthe"), folder);
            const bool greeted = co_await client.says("data by key");
            BOOST_TEST(greeted);
            BOOST_TEST(
                client.output().starts_with(is_old(version) ? "hint which\nsecure true" : "hint null\nsecure true"));
            BOOST_TEST(server.identity == "Käthe");
        });
}

BOOST_AUTO_TEST_CASE(a_server_of_openssl_takes_the_key_of_a_client, *label("PSK-04 PSK-05 PSK-14 PSK-17"))
{
    for (const protocol_version version : both_versions)
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            const std::uint16_t port = test::free_port();
            words command{
                "openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port),    "-nocert", "-psk_identity",
                "Käthe",   "-psk",     key_text,  is_old(version) ? "-tls1_2" : "-tls1_3"};
            if (is_old(version))
                command.insert(command.end(), {"-cipher", "PSK+HIGH"});
            peer_process server(command, folder);
            const bool listens = co_await server.listens(port);
            BOOST_TEST_REQUIRE(listens);
            const bool fed = co_await server.feed("by key\n");
            BOOST_TEST(fed);
            auto talking = talk_by_key(port, version, "Käthe");
            const std::string said = co_await talking;
            BOOST_TEST(said == "by key");
        });
}

BOOST_AUTO_TEST_CASE(a_server_of_node_takes_the_key_of_a_client, *label("PSK-04 PSK-05 PSK-08 PSK-14"))
{
    for (const protocol_version version : both_versions)
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            const std::uint16_t port = test::free_port();
            peer_process server(node("psk_server.js", port, version, "Käthe"), folder);
            const bool listens = co_await server.listens(port);
            BOOST_TEST_REQUIRE(listens);
            auto talking = talk_by_key(port, version, "Käthe");
            const std::string said = co_await talking;
            BOOST_TEST(said == "by key");
            auto refused = talk_by_key(port, version, "nobody");
            const std::string code = co_await refused;
            BOOST_TEST(code == (is_old(version) ? "ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY"
                                                : "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE"));
            const bool asked = co_await server.says("asked nobody");
            BOOST_TEST(asked);
        });
}

namespace {

/// One value of a Redis on this host; none where there is none.
task<std::optional<std::string>> get_from_redis(std::uint16_t port, std::string name)
{
    net::socket socket = net::connect({.host = "127.0.0.1", .port = port});
    const result<> connected = co_await socket.connect();
    if (!connected)
        co_return std::nullopt;
    const std::string request = "*2\r\n$3\r\nGET\r\n$" + std::to_string(name.size()) + "\r\n" + name + "\r\n";
    const result<std::size_t> sent = co_await socket.write(std::as_bytes(std::span(request)));
    if (!sent)
        co_return std::nullopt;
    std::string answer;
    std::array<std::byte, 512> buffer;
    while (answer.find("\r\n") == std::string::npos ||
           (answer[0] == '$' && answer[1] != '-' &&
            answer.size() < answer.find("\r\n") + 4 + std::stoul(answer.substr(1)))) {
        const result<std::size_t> got = co_await socket.read(buffer);
        if (!got)
            co_return std::nullopt;
        answer.append(reinterpret_cast<const char*>(buffer.data()), *got);
    }
    if (answer[0] != '$' || answer[1] == '-')
        co_return std::nullopt;
    co_return answer.substr(answer.find("\r\n") + 2, std::stoul(answer.substr(1)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(keys_may_come_from_redis, *label("PSK-17 BYD-01"))
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        const std::uint16_t port = test::free_port();
        peer_process redis({"redis-server", "--port", std::to_string(port), "--bind", "127.0.0.1", "--save", ""},
                           folder);
        const bool listens = co_await redis.listens(port);
        BOOST_TEST_REQUIRE(listens);
        peer_process filling({"redis-cli", "-p", std::to_string(port), "SET", "psk:Käthe", key_text}, folder);
        const std::optional<int> filled = co_await filling.exited();
        BOOST_TEST(filled.value_or(-1) == 0);
        const key_source look_up = [port](std::string identity) -> task<std::optional<tls::psk_key>> {
            auto asking = get_from_redis(port, "psk:" + identity);
            const std::optional<std::string> found = co_await asking;
            if (!found)
                co_return std::nullopt;
            co_return bytes_of(*found);
        };
        key_server server(protocol_version::tlsv1_3, look_up);
        peer_process client(s_client(server.port, protocol_version::tlsv1_3, "Käthe", key_text), folder);
        const bool greeted = co_await client.says("by key");
        BOOST_TEST(greeted);
        peer_process stranger(s_client(server.port, protocol_version::tlsv1_3, "nobody", key_text), folder);
        const std::optional<int> code = co_await stranger.exited();
        BOOST_TEST(code.value_or(0) != 0);
    });
}

BOOST_AUTO_TEST_SUITE_END()
