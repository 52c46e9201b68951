// OCSP with programs of others: OpenSSL's responder, clients that want a staple, servers that have one.
#include <coil/net/connect.hpp>
#include <coil/tls/tls.hpp>

#include "tests/interop/question_peers.hpp"
#include "tests/support/ocsp_responses.hpp"
#include "tests/support/peer_process.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/evp.h>

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

using namespace coil;
using boost::unit_test::label;
using test::peer_process;
using test::words;
using tls::ocsp_policy;
using tls::protocol_version;

namespace {

using bytes = std::vector<std::byte>;

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

std::string_view text_of(const bytes& from)
{
    return {reinterpret_cast<const char*>(from.data()), from.size()};
}

std::string base64(const bytes& from)
{
    std::string text((from.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(from.data()), static_cast<int>(from.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::string version_option(protocol_version version)
{
    return version == protocol_version::tlsv1_2 ? "-tls1_2" : "-tls1_3";
}

/// An authority with a responder of OpenSSL's, which knows one certificate.
class responder {
public:
    explicit responder(const test::scratch_folder& folder)
        : folder_(folder),
          port_(test::free_port()),
          server(root.issue({.extensions = {{"authorityInfoAccess",
                                             "OCSP;URI:http://127.0.0.1:" + std::to_string(port_) + "/status"}}}))
    {
        root_file = folder.write("root.pem", root.certificate());
        key_file_ = folder.write("root.key", root.itself().key);
        know("V\t340101000000Z\t");
    }

    /// Says what becomes of the certificate, in the first fields of OpenSSL's index.
    void know(const std::string& standing)
    {
        const std::string serial = test::certificate_of(server.cert).serial_number;
        const std::string fresh = folder_.write("index.new", standing + "\t" + serial + "\tunknown\t/CN=localhost\n");
        std::filesystem::rename(fresh, folder_.path("index.txt"));
    }

    words command() const
    {
        return {"openssl",  "ocsp",
                "-port",    std::to_string(port_),
                "-index",   folder_.path("index.txt"),
                "-CA",      root_file,
                "-rsigner", root_file,
                "-rkey",    key_file_,
                "-nmin",    "60"};
    }
    std::uint16_t port() const noexcept { return port_; }

    test::authority root{"coil OCSP root"};
    std::string root_file;

private:
    const test::scratch_folder& folder_;
    std::string key_file_;
    std::uint16_t port_;

public:
    test::identity server;
};

/// What a server has to do to staple: it fetches, over HTTP, and keeps.
class fetcher {
public:
    tls::ocsp_request_handler handler()
    {
        return [this](tls::certificate cert, std::optional<tls::certificate> issuer) -> task<tls::staple_answer> {
            if (!issuer)
                co_return std::nullopt;
            const tls::ocsp_query query = tls::ocsp_request(cert, *issuer);
            const auto found = kept.find(query.certificate_id);
            if (found != kept.end())
                co_return found->second;
            auto fetching = fetch(query);
            std::optional<bytes> response = co_await fetching;
            if (!response)
                co_return std::nullopt;
            last = tls::verify_ocsp(*response, cert, *issuer);
            kept[query.certificate_id] = *response;
            co_return *response;
        };
    }

    std::map<bytes, bytes> kept;
    tls::ocsp_finding last;
    int fetched = 0;

private:
    task<std::optional<bytes>> fetch(const tls::ocsp_query query)
    {
        ++fetched;
        const std::string url = query.url.value();  // http://127.0.0.1:PORT/PATH
        const std::string port = test::between(url, "http://127.0.0.1:", "/");
        const std::string path = url.substr(url.find('/', 7));
        net::socket socket = net::connect({.host = "127.0.0.1", .port = static_cast<std::uint16_t>(std::stoi(port))});
        auto connecting = socket.connect();
        const result<> connected = co_await connecting;
        if (!connected)
            co_return std::nullopt;
        std::string request = "POST " + path +
                              " HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/ocsp-request\r\n" +
                              "Content-Length: " + std::to_string(query.request.size()) + "\r\n\r\n";
        request += text_of(query.request);
        const result<std::size_t> written = co_await socket.write(std::as_bytes(std::span(request)));
        BOOST_TEST(written.has_value());
        std::error_code end;
        auto reading = test::read_all(socket, end);
        const std::string answer = co_await reading;
        const std::size_t body = answer.find("\r\n\r\n");
        if (!answer.starts_with("HTTP/1.0 200") || body == std::string::npos)
            co_return std::nullopt;
        const auto* const first = reinterpret_cast<const std::byte*>(answer.data());
        co_return bytes(first + body + 4, first + answer.size());
    }
};

/// Runs `command` to its end. @return all that it wrote.
task<std::string> run_to_end(words command, const test::scratch_folder& folder)
{
    peer_process peer(command, folder);
    peer.end_input();
    auto ending = peer.exited();
    const std::optional<int> code = co_await ending;
    BOOST_TEST(code.has_value());
    co_return peer.output() + peer.errors();
}

words s_client(std::uint16_t port, protocol_version version, const std::string& ca)
{
    return {"openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(port),
            "-status", "-CAfile",  ca,         version_option(version)};
}

/// Connects as a client that insists on a good staple. @return what failed.
task<std::string> insist(std::uint16_t port, std::string ca, tls::ocsp_response_handler look)
{
    tls::connect_options options;
    options.on_ocsp_response = std::move(look);
    options.servername = "localhost";
    options.verify_ocsp = ocsp_policy::required;
    tls::socket client = tls::connect(test::client_of(port, std::move(options), {.ca = ca}));
    auto connecting = client.secure_connect();
    const result<> connected = co_await connecting;
    co_return test::name_of(connected);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ocsp_test)

BOOST_AUTO_TEST_CASE(a_server_fetches_keeps_and_staples_what_a_responder_says,
                     *label("OCSP-02 OCSP-04 OCSP-08 OCSP-11 EVT-05 BYD-22"))
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        responder says(folder);
        peer_process process(says.command(), folder);
        auto starting = process.listens(says.port());
        const bool listens = co_await starting;
        BOOST_TEST_REQUIRE(listens, process.errors());
        fetcher fetching;
        tls::server server =
            tls::create_server(test::serving(says.server, {}, {.ca = says.root.certificate()}), test::read_to_the_end);
        server.on_ocsp_request(fetching.handler());
        const std::uint16_t port = test::listen_anywhere(server);
        for (const protocol_version version : both_versions) {
            auto visiting = run_to_end(s_client(port, version, says.root_file), folder);
            const std::string seen = co_await visiting;
            BOOST_TEST(seen.find("OCSP Response Status: successful (0x0)") != std::string::npos, seen);
            BOOST_TEST(seen.find("Cert Status: good") != std::string::npos, seen);
            auto node = run_to_end({test::node_program(), "tests/interop/ocsp_client.js", std::to_string(port),
                                    std::string(tls::to_string(version)), says.root_file},
                                   folder);
            const std::string told = co_await node;
            BOOST_TEST_REQUIRE(fetching.kept.size() == 1U);
            BOOST_TEST(test::between(told, "\"response\":\"", "\"") == base64(fetching.kept.begin()->second), told);
            BOOST_TEST(told.find("\"before\":true") != std::string::npos, told);
        }
        BOOST_TEST(fetching.fetched == 1);
        BOOST_TEST(fetching.last.good(), error_name(fetching.last.error));
        auto insisting = insist(port, says.root.certificate(), {});
        const std::string failed = co_await insisting;
        BOOST_TEST(failed == "");

        says.know("R\t340101000000Z\t260101000000Z,keyCompromise");
        // The responder looks at its index before it waits for the next request, so that one more is answered from the old one.
        fetching.kept.clear();
        auto between = insist(port, says.root.certificate(), {});
        static_cast<void>(co_await between);
        fetching.kept.clear();
        auto again = insist(port, says.root.certificate(), {});
        const std::string revoked = co_await again;
        BOOST_TEST(revoked == "ERR_OCSP_CERTIFICATE_REVOKED");
        BOOST_TEST(fetching.last.reason.value_or("") == "keyCompromise");
        BOOST_TEST(fetching.fetched == 3);
    });
}

BOOST_AUTO_TEST_CASE(a_responder_that_is_not_there_leaves_clients_without_a_staple, *label("OCSP-05"))
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        const responder says(folder);  // and never started
        fetcher fetching;
        tls::server server =
            tls::create_server(test::serving(says.server, {}, {.ca = says.root.certificate()}), test::read_to_the_end);
        server.on_ocsp_request(fetching.handler());
        const std::uint16_t port = test::listen_anywhere(server);
        for (const protocol_version version : both_versions) {
            auto visiting = run_to_end(s_client(port, version, says.root_file), folder);
            const std::string seen = co_await visiting;
            BOOST_TEST(seen.find("OCSP response: no response sent") != std::string::npos, seen);
            auto node = run_to_end({test::node_program(), "tests/interop/ocsp_client.js", std::to_string(port),
                                    std::string(tls::to_string(version)), says.root_file},
                                   folder);
            const std::string told = co_await node;
            BOOST_TEST(told.find("\"calls\":1,\"response\":null,\"before\":true") != std::string::npos, told);
        }
        BOOST_TEST(fetching.fetched == 4);
    });
}

BOOST_AUTO_TEST_CASE(a_client_judges_what_s_server_and_node_staple,
                     *label("OCSP-01 OCSP-09 EVT-15 SOCK-09 CONN-28 BYD-05 BYD-22"))
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        const test::credentials& all = test::shared_credentials();
        const bytes good = test::ocsp_response(all.server, all.root);
        const bytes other = test::ocsp_response(all.server_a, all.root);
        const std::string root = test::shared_files().path("root.pem");
        const std::string cert = test::shared_files().path("server.pem");
        const std::string key = test::shared_files().path("server.key");
        for (const protocol_version version : both_versions)
            for (const bool node : {false, true})
                for (const bytes* const stapled : {&good, &other}) {
                    const std::string file = folder.write("response.der", std::string(text_of(*stapled)));
                    std::uint16_t port = test::free_port();
                    const words command = node ? words{test::node_program(),
                                                       "tests/interop/ocsp_server.js",
                                                       std::string(tls::to_string(version)),
                                                       cert,
                                                       key,
                                                       root,
                                                       file}
                                               : words{"openssl",
                                                       "s_server",
                                                       "-accept",
                                                       "127.0.0.1:" + std::to_string(port),
                                                       "-cert",
                                                       cert,
                                                       "-key",
                                                       key,
                                                       "-status_file",
                                                       file,
                                                       version_option(version)};
                    peer_process peer(command, folder);
                    auto starting = peer.says(node ? ";" : "ACCEPT");
                    const bool listens = co_await starting;
                    BOOST_TEST_REQUIRE(listens, peer.errors());
                    if (node)
                        port = static_cast<std::uint16_t>(std::stoi(test::between(peer.output(), "port ", ";")));
                    bool same = false;
                    auto insisting = insist(port, all.root.certificate(), [&](const std::optional<bytes>& response) {
                        same = response == *stapled;
                        return tls::ocsp_verdict::unchanged();
                    });
                    const std::string failed = co_await insisting;
                    BOOST_TEST(failed == (stapled == &good ? "" : "ERR_OCSP_WRONG_CERTIFICATE"));
                    BOOST_TEST(same);
                    if (!failed.empty()) {
                        const std::string alert =
                            node ? "ERR_SSL_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE" : "bad certificate status response";
                        auto hearing = test::eventually(
                            [&] { return (peer.output() + peer.errors()).find(alert) != std::string::npos; });
                        const bool heard = co_await hearing;
                        BOOST_TEST(heard, peer.output() + peer.errors());
                    }
                }
    });
}

BOOST_AUTO_TEST_SUITE_END()
