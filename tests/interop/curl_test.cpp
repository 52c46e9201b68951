// curl as client of a small HTTPS responder.

#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include "tests/interop/transfer.hpp"
#include "tests/support/credentials.hpp"
#include "tests/support/peer_process.hpp"
#include "tests/support/random_data.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>

using namespace coil;
using test::peer_process;

namespace {

using words = std::vector<std::string>;

const test::credentials& all()
{
    return test::shared_credentials();
}

const test::credential_files& files()
{
    static const test::credential_files shared;
    return shared;
}

/// Answers each request with all that came in its body, behind a text of its own.
struct responder {
    explicit responder(tls::server_options options = {}, tls::secure_context_options context = {})
        : server(tls::create_server(test::serving(all().server, std::move(options), std::move(context)),
                                    [this](tls::socket socket) { return respond(std::move(socket)); })),
          port(test::listen_anywhere(server))
    {
        server.on_tls_client_error(
            [this](const tls::error_info& what, const tls::socket&) { failures.push_back(what.code); });
    }
    responder(const responder&) = delete;

    task<> respond(tls::socket socket)
    {
        ++connections;
        protocol = std::string(socket.get_protocol().value_or(""));
        alpn = std::string(socket.alpn_protocol().value_or(""));
        servername = std::string(socket.servername().value_or(""));
        authorized = socket.authorized();
        std::string bytes;
        while (true) {  // one request after the other
            auto requesting = read_request(socket, bytes);
            const std::optional<std::string> body = co_await requesting;
            if (!body)
                break;
            const std::string answer =
                "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body->size() + greeting.size()) + "\r\n\r\n" +
                greeting + *body;
            const result<std::size_t> written = co_await socket.write(answer);
            if (!written)
                break;
        }
        auto ending = socket.shutdown(std::chrono::seconds(5));
        const result<> ended = co_await ending;
        static_cast<void>(ended);
    }

    /// The body of the next request; none at the end. @param bytes  what was read ahead.
    task<std::optional<std::string>> read_request(tls::socket& socket, std::string& bytes)
    {
        std::vector<std::byte> buffer(64 * 1024);
        while (true) {
            const std::size_t head = bytes.find("\r\n\r\n");
            if (head != std::string::npos) {
                const std::size_t at = bytes.find("Content-Length: ");
                const std::size_t size = at < head ? std::stoul(bytes.substr(at + 16, 10)) : 0;
                if (bytes.size() >= head + 4 + size) {
                    std::string body = bytes.substr(head + 4, size);
                    bytes.erase(0, head + 4 + size);
                    co_return body;
                }
            }
            const result<std::size_t> count = co_await socket.read(buffer);
            if (!count)
                co_return std::nullopt;
            bytes.append(reinterpret_cast<const char*>(buffer.data()), *count);
        }
    }

    std::string greeting = "you said: ";
    int connections = 0;
    std::string protocol, alpn, servername;
    bool authorized = false;
    std::vector<std::string> failures;
    tls::server server;
    std::uint16_t port;
};

words curl(std::uint16_t port)
{
    return {"curl",
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            "15",
            "--http1.1",
            "--cacert",
            files().path("root.pem"),
            "https://localhost:" + std::to_string(port) + "/"};
}

words operator+(words first, const words& second)
{
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(curl_test)

BOOST_AUTO_TEST_CASE(curl_posts_and_gets_sixteen_mebibytes)
{
    for (const tls::protocol_version version : {tls::protocol_version::tlsv1_2, tls::protocol_version::tlsv1_3}) {
        test::run([version]() -> task<> {
            const test::scratch_folder folder;
            responder server({.alpn_protocols = {"http/1.1"}}, test::only(version));
            const std::string body = test::random_data(41).text(test::transfer_size);
            const std::string file = folder.write("body", body);
            peer_process peer(curl(server.port) + words{"--data-binary", "@" + file, "-H", "Expect:"}, folder);
            auto ending = peer.exited();
            const std::optional<int> code = co_await ending;
            BOOST_TEST(code.value_or(-1) == 0, peer.errors());
            BOOST_TEST(test::digest_of(peer.output()) == test::digest_of(server.greeting + body));
            BOOST_TEST(server.protocol == tls::to_string(version));
            BOOST_TEST(server.alpn == "http/1.1");
            BOOST_TEST(server.servername == "localhost");
            BOOST_TEST(server.failures.empty());
        });
    }
}

BOOST_AUTO_TEST_CASE(curl_keeps_its_connection_for_several_requests)
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        responder server;
        const std::string url = "https://localhost:" + std::to_string(server.port) + "/";
        peer_process peer(curl(server.port) + words{url, url}, folder);
        auto ending = peer.exited();
        const std::optional<int> code = co_await ending;
        BOOST_TEST(code.value_or(-1) == 0, peer.errors());
        BOOST_TEST(peer.output() == server.greeting + server.greeting + server.greeting);
        BOOST_TEST(server.connections == 1);
    });
}

BOOST_AUTO_TEST_CASE(curl_shows_its_certificate_and_judges_ours)
{
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        responder server({.request_cert = true}, {.ca = all().root.certificate()});
        peer_process good(curl(server.port) +
                              words{"--cert", files().path("client.pem"), "--key", files().path("client.key")},
                          folder);
        auto ending = good.exited();
        const std::optional<int> code = co_await ending;
        BOOST_TEST(code.value_or(-1) == 0, good.errors());
        BOOST_TEST(server.authorized);
        peer_process without(curl(server.port), folder);
        auto ending_without = without.exited();
        const std::optional<int> code_without = co_await ending_without;
        BOOST_TEST(code_without.value_or(-1) == 56, without.errors());  // the alert comes in answer to the request
        auto waiting = test::eventually([&] { return server.failures.size() == 1; });
        const bool told = co_await waiting;
        BOOST_TEST_REQUIRE(told);
        BOOST_TEST(server.failures.front() == "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE");

        tls::server stranger = tls::create_server(test::serving(all().wrong_name), test::echo);
        peer_process judging(curl(test::listen_anywhere(stranger)), folder);
        auto ending_judging = judging.exited();
        const std::optional<int> code_judging = co_await ending_judging;
        BOOST_TEST(code_judging.value_or(-1) == 60, judging.errors());
    });
}

BOOST_AUTO_TEST_SUITE_END()
