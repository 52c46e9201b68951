#pragma once

#include <coil/tls/engine.hpp>
#include <coil/tls/internal/answering.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace coil::tls::internal {

/// How a connection is to behave, taken from the options of what makes it. Immutable; connections share it.
struct behaviour {
    std::shared_ptr<const engine_options> engine = {};
    std::shared_ptr<const question_handlers> handlers = {};
};

/// The one place that checks options which sockets, servers and clients have in common. What only the other role can honour,
/// or nothing can, is refused, for whoever says it expects something that would not happen.
/// Throws: `tls::error` ERR_INVALID_ARG_VALUE, ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS.
behaviour make_behaviour(role side, engine_options engine, question_handlers handlers);

/// Throws: `tls::error` ERR_INVALID_ARG_VALUE if it is negative. @param name  of the option.
void check_not_negative(std::chrono::milliseconds time, const char* name);

/// The same for options structs, which have these fields, or those of one role.
/// @param servername  of a client. @param names  of a server.
template <class Options>
behaviour behaviour_of(role side, const Options& options, std::string servername,
                       std::shared_ptr<const server_names> names = {})
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
        handlers.sni_callback = options.sni_callback;
        handlers.names = std::move(names);
    }
    if constexpr (requires { options.host; }) {
        engine.host = options.host;
        handlers.check_server_identity = options.check_server_identity;
    }
    return make_behaviour(side, std::move(engine), std::move(handlers));
}

}  // namespace coil::tls::internal
