#pragma once

#include <coil/runtime/task.hpp>
#include <coil/tls/tls.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/peer_process.hpp"

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace coil::test {

using words = std::vector<std::string>;

words operator+(words first, const words& second);

/// The shared credentials; "roots.pem" holds both roots.
const credential_files& shared_files();

/// What follows `before` in `text`, up to `after`; empty where there is nothing of the kind.
std::string between(const std::string& text, const std::string& before, const std::string& after);

/// The alert that OpenSSL's text names, in whichever program; 0 where it names none.
int alert_in(const std::string& text);

/// Programs that speak TLS as clients.
enum class client_kind { s_client, curl, node };

std::ostream& operator<<(std::ostream& out, client_kind kind);

/// What a client asks for.
struct visit {
    words alpn = {};
    std::string name = "localhost";
    std::string shows = {};  ///< The identity whose certificate it has; empty: none.
};

/// What a client saw of the server.
struct sighting {
    int alert = 0;  ///< That it received.
    std::string alpn;
    std::string code;  ///< Node's name of what went wrong.
    int exit_code = -1;
    std::string subject;  ///< Common name of the server's certificate.
    std::string text;     ///< All that it wrote.
};

/// A client of the server at `port` on this host. It trusts both roots.
words client_command(client_kind kind, std::uint16_t port, tls::protocol_version version, const visit& asks);
/// The same, from its start to its end.
task<sighting> visit_server(client_kind kind, std::uint16_t port, tls::protocol_version version, visit asks);

/// Runs `body` on a loop of its own for each kind of client and each version; curl speaks the newest.
void for_each_client(const std::function<task<>(client_kind, tls::protocol_version)>& body);

/// A server that asks its handlers, and notes what became of its clients. It greets each in HTTP and listens to its end.
struct asking_server {
    explicit asking_server(tls::server_options options, tls::secure_context_options context = {});
    asking_server(const asking_server&) = delete;

    struct guest {
        std::string alpn, authorization_error, peer, protocol, servername;
        bool authorized = false;
    };

    task<> serve(tls::socket socket);
    /// Waits for a client that failed.
    task<tls::error_info> failure();

    std::vector<guest> guests;
    std::vector<tls::error_info> failures;
    tls::server server;
    std::uint16_t port;
};

}  // namespace coil::test
