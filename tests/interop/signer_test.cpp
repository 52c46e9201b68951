// Private keys that are elsewhere: in another process, and in a device behind PKCS#11.

#include <coil/net/connect.hpp>
#include <coil/tls/tls.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/peer_process.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace coil;
using boost::unit_test::label;
using test::peer_process;
using tls::protocol_version;

namespace {

using words = std::vector<std::string>;

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

const test::credentials& all()
{
    return test::shared_credentials();
}

/// Asks the process at the other end of a Unix socket.
task<tls::signature> ask_process(std::string path, tls::signature_request request)
{
    net::socket socket = net::connect({.path = path});
    const result<> connected = co_await socket.connect();
    connected.value();
    std::vector<std::byte> wire;
    const auto add = [&wire](std::size_t number, int bytes) {
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
            wire.push_back(static_cast<std::byte>(number >> shift));
    };
    add(static_cast<std::size_t>(request.scheme), 2);
    add(request.message.size(), 4);
    wire.insert(wire.end(), request.message.begin(), request.message.end());
    const result<std::size_t> sent = co_await socket.write(wire);
    sent.value();
    std::vector<std::byte> answer;
    std::array<std::byte, 1024> buffer;
    while (true) {
        const result<std::size_t> got = co_await socket.read(buffer);
        if (!got)
            break;
        answer.insert(answer.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
    }
    if (answer.size() < 4)
        throw std::runtime_error("the signing process gave no signature");
    co_return std::vector<std::byte>(answer.begin() + 4, answer.end());
}

struct signed_server {
    signed_server(const test::identity& who, protocol_version version, tls::signer signer)
        : server(tls::create_server({.secure_context = {context(who, version, std::move(signer))}},
                                    [](tls::socket socket) { return greet(std::move(socket)); })),
          port(test::listen_anywhere(server))
    {
        server.on_tls_client_error([this](tls::error_info what) { failures.push_back(what.code); });
    }
    signed_server(const signed_server&) = delete;

    static tls::secure_context_options context(const test::identity& who, protocol_version version, tls::signer signer)
    {
        tls::secure_context_options options = test::only(version);
        options.cert = who.cert;
        options.key = {{.signer = std::move(signer)}};
        return options;
    }
    static task<> greet(tls::socket socket)
    {
        const result<std::size_t> sent = co_await socket.write("signed elsewhere\n");
        BOOST_TEST(sent.has_value());
        auto reading = test::read_to_the_end(std::move(socket));
        co_await reading;
    }

    std::vector<std::string> failures;
    tls::server server;
    std::uint16_t port;
};

words s_client(std::uint16_t port, const test::scratch_folder& folder)
{
    return {"openssl",
            "s_client",
            "-connect",
            "127.0.0.1:" + std::to_string(port),
            "-CAfile",
            folder.write("root.pem", all().root.certificate()),
            "-verify_return_error"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(signers)

BOOST_AUTO_TEST_CASE(another_process_may_have_the_key, *label("BYD-29"))
{
    for (const auto* who : {&all().server, &all().server_rsa})
        for (const protocol_version version : both_versions)
            test::run([version, who]() -> task<> {
                const test::scratch_folder folder;
                // Relative: the name of a Unix socket has 107 bytes at most.
                const std::string path = std::filesystem::relative(folder.path("signer.sock")).string();
                std::optional<peer_process> signing(
                    std::in_place, words{"tests/interop/signing_process", path, folder.write("server.key", who->key)},
                    folder);
                const bool ready = co_await signing->says("ready");
                BOOST_TEST_REQUIRE(ready, signing->errors());
                signed_server server(*who, version, [path](tls::signature_request request) {
                    return ask_process(path, std::move(request));
                });
                peer_process client(s_client(server.port, folder), folder);
                const bool greeted = co_await client.says("signed elsewhere");
                BOOST_TEST(greeted);
                signing.reset();
                peer_process late(s_client(server.port, folder), folder);
                const std::optional<int> code = co_await late.exited();
                BOOST_TEST(code.value_or(0) != 0);
                BOOST_TEST((server.failures == std::vector<std::string>{"ERR_TLS_HANDLER_FAILED"}));
            });
}

namespace {

/// A token of SoftHSM with a key in it.
struct soft_token {
    explicit soft_token(const std::string& key) : key_file(folder.write("key.pem", key))
    {
        std::filesystem::create_directory(folder.path("tokens"));
        settings = "SOFTHSM2_CONF=" + folder.write("softhsm2.conf", "directories.tokendir = " + folder.path("tokens") +
                                                                        "\nobjectstore.backend = file\n");
    }

    task<bool> run(words command) const
    {
        command.insert(command.begin(), {"env", settings});
        peer_process process(command, folder);
        const std::optional<int> code = co_await process.exited();
        if (code != 0)
            BOOST_TEST_MESSAGE(process.errors());
        co_return code == 0;
    }
    task<bool> fill() const
    {
        auto making =
            run({"softhsm2-util", "--init-token", "--free", "--label", "coil", "--pin", "1234", "--so-pin", "5678"});
        const bool made = co_await making;
        auto importing = run({"softhsm2-util", "--import", key_file, "--token", "coil", "--label", "key", "--id", "01",
                              "--pin", "1234"});
        const bool imported = co_await importing;
        co_return made&& imported;
    }
    /// With ECDSA: the device is given a digest.
    task<tls::signature> sign(tls::signature_request request) const
    {
        const std::vector<std::byte> digest = request.digest();
        const std::string from = folder.write("digest", {reinterpret_cast<const char*>(digest.data()), digest.size()});
        auto signing = run({"pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", "--token-label", "coil",
                            "--pin", "1234", "--sign", "--mechanism", "ECDSA", "--signature-format", "openssl", "--id",
                            "01", "--input-file", from, "--output-file", folder.path("signature")});
        const bool done = co_await signing;
        if (!done)
            throw std::runtime_error("the device did not sign");
        const std::string made = folder.read("signature");
        const auto bytes = std::as_bytes(std::span(made));
        co_return std::vector<std::byte>(bytes.begin(), bytes.end());
    }

    test::scratch_folder folder;
    std::string key_file;
    std::string settings;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_device_behind_pkcs11_may_have_the_key, *label("BYD-29"))
{
    test::run([]() -> task<> {
        const soft_token token(all().server.key);
        auto filling = token.fill();
        const bool filled = co_await filling;
        BOOST_TEST_REQUIRE(filled);
        for (const protocol_version version : both_versions) {
            signed_server server(all().server, version,
                                 [&token](tls::signature_request request) { return token.sign(std::move(request)); });
            peer_process client(s_client(server.port, token.folder), token.folder);
            const bool greeted = co_await client.says("signed elsewhere");
            BOOST_TEST(greeted);
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()
