#pragma once

#include <coil/net/connect.hpp>
#include <coil/tls/alpn_protocol_list.hpp>
#include <coil/tls/constants.hpp>
#include <coil/tls/question_handlers.hpp>
#include <coil/tls/secure_context.hpp>
#include <coil/tls/socket.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coil::tls {

/// Where to connect to and whom to trust.
/// Node: options of tls.connect.
struct connect_options {
    /// Stay open for writing when the peer has ended; see `tls::socket_options`. Node: allowHalfOpen.
    bool allow_half_open = false;
    /// Take the end of the connection without close_notify for an orderly end. For protocols that mark their own end.
    bool allow_truncation = false;
    /// Application protocols in falling preference. Node: ALPNProtocols.
    alpn_protocol_list alpn_protocols = {};
    /// Replaces `tls::check_server_identity`. Node: checkServerIdentity.
    server_identity_handler check_server_identity = {};
    /// Chooses the certificate for a server that asks for one, by the authorities that it names.
    client_certificate_handler client_certificate_callback = {};
    /// Addresses of one family only. Node: family.
    std::optional<net::address_family> family = {};
    /// For the handshake, from the moment of the connection, and for each renegotiation. 0: no limit.
    std::chrono::milliseconds handshake_timeout = default_handshake_timeout;
    /// A name or an address; also what the certificate must cover, unless `servername` is given. Node: host.
    std::string host = "localhost";
    /// Node: keepAlive.
    bool keep_alive = false;
    /// Node: keepAliveInitialDelay.
    std::chrono::seconds keep_alive_initial_delay = {};
    /// The address to connect from. Node: localAddress.
    std::string local_address = {};
    /// The port to connect from. Node: localPort.
    std::uint16_t local_port = 0;
    /// Send small writes at once. Node: noDelay.
    bool no_delay = true;
    /// A word on what the server stapled, or on its having stapled nothing; with `request_ocsp` or `verify_ocsp`.
    /// Node: 'OCSPResponse'.
    ocsp_response_handler on_ocsp_response = {};
    /// A Unix socket in place of host and port. Node: path.
    std::string path = {};
    /// Node: port.
    std::uint16_t port = 0;
    /// Proposes a key that both sides have before they meet. A server that takes it is `authorized()` without a certificate;
    /// before TLS 1.3 a suite with PSK in its name has to be among the `ciphers`. Node: pskCallback.
    psk_handler psk_callback = {};
    /// Whether a server that cannot be verified is refused. If not, `authorized()` tells. Node: rejectUnauthorized.
    bool reject_unauthorized = true;
    /// Ask for a stapled OCSP response. Node: requestOCSP.
    bool request_ocsp = false;
    /// A context, or options for one; empty: the default. Node: secureContext.
    tls::secure_context secure_context = {};
    /// The name to send and to check. Not given: `host`, where that is a name. Empty: none is sent. An address is checked and
    /// never sent. Node: servername, whose default is to send none.
    std::optional<std::string> servername = {};
    /// What a stapled OCSP response is held to; asks for one unless it is off.
    ocsp_policy verify_ocsp = ocsp_policy::off;
    /// The last word on the server's certificate.
    verification_handler verify_peer = {};
};

/// A TLS client socket: `co_await socket.secure_connect()` connects it and verifies the server.
/// ```
/// auto socket = tls::connect({.host = "example.com", .port = 443});
/// if (auto ok = co_await socket.secure_connect(); !ok) …
/// ```
/// Throws: as `create_secure_context` and `net::connect`; ERR_MISSING_ARGS without port and path.
/// Node: tls.connect.
socket connect(connect_options options);

}  // namespace coil::tls
