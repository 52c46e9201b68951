#pragma once

#include <coil/tls/tls.hpp>

#include "tests/support/credentials.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace coil::test {

/// Runs `body` on a loop of its own. What it waits for is stopped after `limit`, and the test case has failed.
void run(std::function<task<>()> body, std::chrono::seconds limit = std::chrono::seconds(50));

/// Both ends speak only this version.
tls::secure_context_options only(tls::protocol_version version);

/// A server with the certificate of `who`; the rest is as in `options`.
tls::server_options serving(const identity& who, tls::server_options options = {},
                            tls::secure_context_options context = {});
/// A client of the server at `port` on this host that trusts the shared root; the rest is as in `options`.
tls::connect_options client_of(std::uint16_t port, tls::connect_options options = {},
                               tls::secure_context_options context = {});

/// Begins to listen on a port of 127.0.0.1 that the system picks, which it gives.
std::uint16_t listen_anywhere(tls::server& server);
std::uint16_t listen_anywhere(net::server& server);

/// Sends back what it receives until the peer ends.
task<> echo(tls::socket socket);
/// Reads until the peer ends.
task<> read_to_the_end(tls::socket socket);

/// Reads until there are `size` bytes or an error; gives what came.
task<std::string> read_exactly(tls::socket& from, std::size_t size);
/// Reads until the end or an error, which is put into `why`; gives what came.
task<std::string> read_all(tls::socket& from, std::error_code& why);
task<std::string> read_all(net::socket& from, std::error_code& why);
/// Whether `text` makes the way to an echoing peer and back.
task<bool> echoes(tls::socket& through, std::string text);

/// Node's name of the error; "" for success.
template <class T>
std::string name_of(const result<T>& outcome)
{
    return error_name(outcome.error());
}

/// Two ends of one TLS connection.
class tls_pair {
public:
    explicit tls_pair(tls::server_options server_options = {}, tls::connect_options client_options = {},
                      tls::secure_context_options server_context = {});
    /// Both ends speak only this version.
    explicit tls_pair(tls::protocol_version version);
    tls_pair(const tls_pair&) = delete;
    tls_pair& operator=(const tls_pair&) = delete;

    /// Connects. @return whether both ends finished the handshake.
    task<bool> open();

    std::optional<tls::socket> accepted;  ///< The server's end, once it is open.
    tls::server server;
    std::uint16_t port;
    tls::socket client;
};

/// Waits until `met` holds, for a few seconds at most; gives whether it does.
task<bool> eventually(std::function<bool()> met);

}  // namespace coil::test
