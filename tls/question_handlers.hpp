#pragma once

#include <coil/runtime/handler.hpp>
#include <coil/tls/question.hpp>

#include <optional>
#include <string>

namespace coil::tls {

// Each answers at once or is a coroutine; the handshake of that connection waits, others go on. An exception ends the
// handshake, and so do the client's leaving, the handshake's deadline and the end of the socket, which end a handler where
// it waits. A handler that has waited must not destroy the socket that it answers for; `socket.destroy()` is allowed.

/// Chooses what decides about a connection, for the name that the client asks for; called where it asks for one.
/// Throws: `tls::error` in place of an answer refuses the client.
/// Node: SNICallback.
using sni_handler = handler<sni_answer(std::string servername, client_hello hello)>;

/// Chooses a protocol; called where the client offers some.
/// Node: ALPNCallback.
using alpn_handler = handler<alpn_answer(alpn_request request)>;

/// Whether a server whose chain is verified is the one that was meant: nothing, or why not.
/// Node: checkServerIdentity.
using server_identity_handler = handler<std::optional<identity_error>(std::string host, certificate cert)>;

/// The last word on a peer's certificate, once its chain and, on a client, its identity were looked at.
using verification_handler = handler<verdict(peer_verification found)>;

}  // namespace coil::tls
