#include "tests/interop/question_peers.hpp"

#include <coil/runtime/loop.hpp>

#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace coil::test {
namespace {

using tls::protocol_version;

constexpr client_kind all_kinds[] = {client_kind::s_client, client_kind::curl, client_kind::node};
constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

std::string joined(const words& parts, const std::string& separator)
{
    std::string all;
    for (const std::string& part : parts)
        all += (all.empty() ? "" : separator) + part;
    return all;
}

words s_client_command(std::uint16_t port, protocol_version version, const visit& asks)
{
    words command{"openssl",
                  "s_client",
                  "-connect",
                  "127.0.0.1:" + std::to_string(port),
                  "-CAfile",
                  shared_files().path("roots.pem"),
                  "-verify_return_error",
                  version == protocol_version::tlsv1_2 ? "-tls1_2" : "-tls1_3"};
    if (!asks.name.empty())
        command = command + words{"-servername", asks.name};
    if (!asks.alpn.empty())
        command = command + words{"-alpn", joined(asks.alpn, ",")};
    if (!asks.shows.empty())
        command = command + words{"-cert", shared_files().path(asks.shows + ".pem"), "-key",
                                  shared_files().path(asks.shows + ".key")};
    return command;
}

/// curl offers what HTTP versions there are to choose from, or nothing.
words curl_command(std::uint16_t port, protocol_version version, const visit& asks)
{
    const std::string place = asks.name + ":" + std::to_string(port);
    words command{
        "curl",       "--silent", "--show-error", "--verbose",          "--noproxy", "*",
        "--max-time", "15",       "--resolve",    place + ":127.0.0.1", "--cacert",  shared_files().path("roots.pem")};
    if (version == protocol_version::tlsv1_2)
        command = command + words{"--tls-max", "1.2"};
    else
        command.push_back("--tlsv1.3");
    if (asks.alpn.empty())
        command = command + words{"--no-alpn", "--http1.1"};
    else
        command.push_back(asks.alpn == words{"http/1.1"} ? "--http1.1" : "--http2");
    if (!asks.shows.empty())
        command = command + words{"--cert", shared_files().path(asks.shows + ".pem"), "--key",
                                  shared_files().path(asks.shows + ".key")};
    command.push_back("https://" + place + "/");
    return command;
}

std::string quoted(const std::string& text)
{
    return "\"" + text + "\"";
}

words node_command(std::uint16_t port, protocol_version version, const visit& asks)
{
    const std::string name = quoted(std::string(tls::to_string(version)));
    std::string options = "{\"host\":\"127.0.0.1\",\"port\":" + std::to_string(port) + ",\"minVersion\":" + name +
                          ",\"maxVersion\":" + name + ",\"servername\":" + quoted(asks.name);
    if (!asks.alpn.empty())
        options += ",\"ALPNProtocols\":[" + quoted(joined(asks.alpn, "\",\"")) + "]";
    std::string read = "{\"ca\":" + quoted(shared_files().path("roots.pem"));
    if (!asks.shows.empty())
        read += ",\"cert\":" + quoted(shared_files().path(asks.shows + ".pem")) +
                ",\"key\":" + quoted(shared_files().path(asks.shows + ".key"));
    return {node_program(), "tests/interop/question_client.js", options + "}", read + "}"};
}

}  // namespace

words operator+(words first, const words& second)
{
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

const credential_files& shared_files()
{
    static const credential_files files;
    static const bool joined_roots = [] {
        std::ofstream(files.path("roots.pem"))
            << shared_credentials().root.certificate() << shared_credentials().other_root.certificate();
        return true;
    }();
    static_cast<void>(joined_roots);
    return files;
}

std::string between(const std::string& text, const std::string& before, const std::string& after)
{
    const std::size_t start = text.find(before);
    if (start == std::string::npos)
        return "";
    const std::size_t begin = start + before.size();
    return text.substr(begin, text.find(after, begin) - begin);
}

int alert_in(const std::string& text)
{
    if (const std::string number = between(text, "SSL alert number ", "\n"); !number.empty())
        return std::atoi(number.c_str());
    // Without its number it is in the packed error: the reason of an alert that was received is 1000 and its number.
    const long packed = std::strtol(("0x0" + between(text, "error:0A", ":")).c_str(), nullptr, 16);
    return packed > 1000 ? static_cast<int>(packed - 1000) : 0;
}

std::ostream& operator<<(std::ostream& out, client_kind kind)
{
    constexpr std::array names{"s_client", "curl", "Node"};
    return out << names.at(static_cast<std::size_t>(kind));
}

words client_command(client_kind kind, std::uint16_t port, protocol_version version, const visit& asks)
{
    switch (kind) {
    case client_kind::s_client: return s_client_command(port, version, asks);
    case client_kind::curl: return curl_command(port, version, asks);
    case client_kind::node: break;
    }
    return node_command(port, version, asks);
}

task<sighting> visit_server(client_kind kind, std::uint16_t port, protocol_version version, visit asks)
{
    const scratch_folder folder;
    peer_process peer(client_command(kind, port, version, asks), folder);
    auto ending = peer.exited();
    const std::optional<int> code = co_await ending;
    sighting seen;
    seen.exit_code = code.value_or(-1);
    seen.text = peer.output() + peer.errors();
    seen.alert = alert_in(seen.text);
    switch (kind) {
    case client_kind::s_client:
        seen.subject = between(seen.text, "subject=CN = ", "\n");
        seen.alpn = between(seen.text, "ALPN protocol: ", "\n");
        break;
    case client_kind::curl:
        seen.subject = between(seen.text, "subject: CN=", "\n");
        seen.alpn = between(seen.text, "ALPN: server accepted ", "\n");
        break;
    case client_kind::node:
        seen.subject = between(seen.text, "\"subject\":\"", "\"");
        seen.alpn = between(seen.text, "\"alpn\":\"", "\"");
        seen.code = between(seen.text, "\"failed\":\"", "\"");
        break;
    }
    co_return seen;
}

void for_each_client(const std::function<task<>(client_kind, protocol_version)>& body)
{
    for (const client_kind kind : all_kinds)
        for (const protocol_version version : both_versions) {
            if (kind == client_kind::curl && version == protocol_version::tlsv1_2)
                continue;  // its library is that of s_client, which covers that
            BOOST_TEST_CONTEXT(kind << ", " << tls::to_string(version))
            {
                test::run([&] { return body(kind, version); });
            }
        }
}

asking_server::asking_server(tls::server_options options, tls::secure_context_options context)
    : server(tls::create_server(
          [&] {
              options.allow_half_open = true;
              return serving(shared_credentials().server, std::move(options), std::move(context));
          }(),
          [this](tls::socket socket) { return serve(std::move(socket)); })),
      port(listen_anywhere(server))
{
    server.on_tls_client_error([this](tls::error_info what) { failures.push_back(std::move(what)); });
}

task<> asking_server::serve(tls::socket socket)
{
    guest here;
    here.alpn = std::string(socket.alpn_protocol().value_or(""));
    here.authorization_error = std::string(socket.authorization_error().value_or(""));
    here.authorized = socket.authorized();
    if (const auto peer = socket.get_peer_certificate(); peer && peer->subject)
        here.peer = std::string(peer->subject->get("CN").value_or(""));
    here.protocol = std::string(socket.get_protocol().value_or(""));
    here.servername = std::string(socket.servername().value_or(""));
    guests.push_back(std::move(here));
    const result<std::size_t> written = co_await socket.write("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome");
    if (!written)
        co_return;
    const result<> ended = co_await socket.end();
    static_cast<void>(ended);  // the peer may have left already
    std::error_code why;
    auto reading = read_all(socket, why);
    const std::string request = co_await reading;
    static_cast<void>(request);
}

task<tls::error_info> asking_server::failure()
{
    auto failing = eventually([this] { return !failures.empty(); });
    const bool failed = co_await failing;
    BOOST_TEST_REQUIRE(failed);
    co_return failures.back();
}

}  // namespace coil::test
