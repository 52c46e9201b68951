#include <coil/tls/internal/behaviour.hpp>

#include <coil/tls/internal/openssl.hpp>

#include <string>
#include <utility>

namespace coil::tls::internal {

void check_not_negative(std::chrono::milliseconds time, const char* name)
{
    if (time.count() < 0)
        throw argument_error("ERR_INVALID_ARG_VALUE", std::string(name) + " is negative");
}

behaviour make_behaviour(role side, engine_options engine, question_handlers handlers)
{
    const std::pair<bool, const char*> of_servers[] = {
        {static_cast<bool>(handlers.alpn_callback), "alpn_callback"},
        {engine.request_cert, "request_cert"},
        {static_cast<bool>(handlers.sni_callback), "sni_callback"},
    };
    const std::pair<bool, const char*> of_clients[] = {
        {static_cast<bool>(handlers.check_server_identity), "check_server_identity"},
        {!engine.host.empty(), "host"},
        {!engine.servername.empty(), "servername"},
    };
    const bool is_server = side == role::server;
    for (const auto& [given, name] : is_server ? of_clients : of_servers)
        if (given)
            throw argument_error("ERR_INVALID_ARG_VALUE",
                                 std::string(name) + " is an option of a " + (is_server ? "client" : "server"));
    if (handlers.alpn_callback && !engine.alpn_protocols.empty())
        throw argument_error("ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS",
                             "alpn_callback and alpn_protocols are both given: which of them counts cannot be told");
    if (is_server && handlers.verify_peer && !engine.request_cert && !handlers.sni_callback)
        throw argument_error(
            "ERR_INVALID_ARG_VALUE",
            "verify_peer has nothing to look at: request_cert is off, and no sni_callback can turn it on");
    engine.ask = handlers.questions();
    behaviour made;
    made.side = side;
    if (engine.ask != question_set())
        made.handlers = std::make_shared<const question_handlers>(std::move(handlers));
    made.engine = std::make_shared<const engine_options>(std::move(engine));
    return made;
}

behaviour with_names(const behaviour& of, std::shared_ptr<const server_names> names)
{
    question_handlers handlers = of.handlers ? *of.handlers : question_handlers();
    engine_options engine = *of.engine;
    handlers.names = std::move(names);
    engine.ask = handlers.questions();
    behaviour made = of;
    made.handlers = std::make_shared<const question_handlers>(std::move(handlers));
    made.engine = std::make_shared<const engine_options>(std::move(engine));
    return made;
}

secure_context or_default(const secure_context& given)
{
    return given ? given : secure_context(secure_context_options());
}

net::internal::core_owner<connection> make_connection(const secure_context& context, const behaviour& how)
{
    net::internal::core_owner<connection> made(new connection(engine(context, how.side, how.engine), how.handlers));
    made->allow_half_open(how.allow_half_open);
    made->limit_handshakes(how.handshake_timeout);
    return made;
}

}  // namespace coil::tls::internal
