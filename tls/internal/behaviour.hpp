#pragma once

#include <coil/tls/engine.hpp>
#include <coil/tls/internal/answering.hpp>
#include <coil/tls/internal/connection.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace coil::tls::internal {

/// How connections are to behave, taken from the options of what makes them.
struct behaviour {
    bool allow_half_open = false;
    std::shared_ptr<const engine_options> engine = {};
    std::shared_ptr<const question_handlers> handlers = {};  ///< Null where nothing is asked.
    std::chrono::milliseconds handshake_timeout = {};
    role side = role::client;
};

/// The inside of a new connection.
net::internal::core_owner<connection> make_connection(const secure_context& context, const behaviour& how);

/// The default context where `given` is empty. Throws: as `create_secure_context`.
secure_context or_default(const secure_context& given);

/// `of` for a server that has contexts by name, for clients that ask for one where there is no `sni_callback`.
behaviour with_names(const behaviour& of, std::shared_ptr<const server_names> names);
/// `of` for a server that asks `call` for what it staples.
behaviour with_ocsp_request(const behaviour& of, ocsp_request_handler call);

/// The one place that checks options which sockets, servers and clients have in common. What only the other role can honour,
/// or nothing can, is refused, for whoever says it expects something that would not happen.
/// Throws: `tls::error` ERR_INVALID_ARG_VALUE, ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS.
behaviour make_behaviour(role side, engine_options engine, question_handlers handlers);

/// Throws: `tls::error` ERR_INVALID_ARG_VALUE if it is negative. @param name  of the option.
void check_not_negative(std::chrono::milliseconds time, const char* name);

/// The same for options structs, which have these fields, or those of one role.
/// @param servername  of a client.
template <class Options>
behaviour behaviour_of(role side, const Options& options, std::string servername)
{
    check_not_negative(options.handshake_timeout, "handshake_timeout");
    engine_options engine;
    question_handlers handlers;
    engine.allow_truncation = options.allow_truncation;
    engine.alpn_protocols = options.alpn_protocols;
    engine.reject_unauthorized = options.reject_unauthorized;
    engine.servername = std::move(servername);
    handlers.verify_peer = options.verify_peer;
    if constexpr (requires { options.request_cert; }) {
        engine.request_cert = options.request_cert;
        handlers.alpn_callback = options.alpn_callback;
        engine.psk_identity_hint = options.psk_identity_hint;
        handlers.client_hello_callback = options.client_hello_callback;
        handlers.sni_callback = options.sni_callback;
    }
    if constexpr (requires { options.psk_client_callback; }) {
        handlers.psk_callback = options.psk_client_callback;
        handlers.psk_server_callback = options.psk_server_callback;
    } else if constexpr (requires { options.request_cert; }) {
        handlers.psk_server_callback = options.psk_callback;
    } else {
        handlers.psk_callback = options.psk_callback;
    }
    if constexpr (requires { options.host; }) {
        engine.host = options.host;
        engine.request_ocsp = options.request_ocsp;
        engine.verify_ocsp = options.verify_ocsp;
        handlers.check_server_identity = options.check_server_identity;
        handlers.client_certificate_callback = options.client_certificate_callback;
        handlers.on_ocsp_response = options.on_ocsp_response;
    }
    if constexpr (requires { options.on_ocsp_request; })
        handlers.on_ocsp_request = options.on_ocsp_request;
    behaviour made = make_behaviour(side, std::move(engine), std::move(handlers));
    made.allow_half_open = options.allow_half_open;
    made.handshake_timeout = options.handshake_timeout;
    return made;
}

}  // namespace coil::tls::internal
