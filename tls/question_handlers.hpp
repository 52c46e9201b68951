#pragma once

#include <coil/runtime/handler.hpp>
#include <coil/tls/question.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace coil::tls {

// Each answers at once or is a coroutine; the handshake of that connection waits, others go on. An exception ends the
// handshake, and so do the client's leaving, the handshake's deadline and the end of the socket, which end a handler where
// it waits. A handler that has waited must not destroy the socket that it answers for; `socket.destroy()` is allowed.

/// Chooses what decides about a connection, for the name that the client asks for; called where it asks for one.
/// `sni_answer::refuse()` refuses the client.
/// Node: SNICallback.
using sni_handler = handler<sni_answer(std::string servername, client_hello hello)>;

/// Chooses what decides about a connection, as an `sni_handler`, by all that the client says first; called for each client,
/// also one that names no server.
/// Node: has none.
using client_hello_handler = handler<sni_answer(client_hello hello)>;

/// The certificate that a client has for a server that asks for one; called where it does. An empty context: what the
/// connection's own has.
/// Node: has none.
using client_certificate_handler = handler<secure_context(client_certificate_request request)>;

/// Chooses a protocol; called where the client offers some.
/// Node: ALPNCallback.
using alpn_handler = handler<alpn_answer(alpn_request request)>;

/// A client's key: which one, and its name; none where it has none for this server.
/// Node: pskCallback of tls.connect.
using psk_handler = handler<std::optional<psk_identity>(std::optional<std::string> hint)>;

/// A server's key of that name; none where there is none.
/// Node: pskCallback of tls.createServer.
using psk_server_handler = handler<std::optional<psk_key>(std::string identity, std::string servername)>;

/// Whether a server whose chain is verified is the one that was meant: nothing, or why not.
/// Node: checkServerIdentity.
using server_identity_handler = handler<std::optional<identity_error>(std::string host, certificate cert)>;

/// The last word on a peer's certificate, once its chain and, on a client, its identity were looked at.
using verification_handler = handler<verdict(peer_verification found)>;

/// What a server staples to the certificate that it shows: an OCSP response, as `ocsp_request` and a responder make it, or
/// nothing. Called where the client wants one and no session goes on.
/// Node: 'OCSPRequest'.
using ocsp_request_handler = handler<staple_answer(certificate cert, std::optional<certificate> issuer)>;

/// A client's word on what the server stapled; none where it stapled nothing. Not called where a session goes on.
/// @param cert   the server's, with its issuers as far as they are known.
/// @param found  what the option `verify_ocsp` made of it; none where that is off.
/// Node: 'OCSPResponse', whose listener destroys the socket to refuse.
using ocsp_response_handler = handler<ocsp_verdict(std::optional<std::vector<std::byte>> response, certificate cert,
                                                   std::optional<ocsp_finding> found)>;

}  // namespace coil::tls
