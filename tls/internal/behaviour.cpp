#include <coil/tls/internal/behaviour.hpp>

#include <coil/tls/internal/engine_option_rules.hpp>
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
    const role_rule rules[] = {
        {static_cast<bool>(handlers.alpn_callback), role::server, "alpn_callback"},
        {static_cast<bool>(handlers.check_server_identity), role::client, "check_server_identity"},
        {static_cast<bool>(handlers.client_certificate_callback), role::client, "client_certificate_callback"},
        {static_cast<bool>(handlers.client_hello_callback), role::server, "client_hello_callback"},
        {static_cast<bool>(handlers.psk_callback), role::client, "psk_client_callback"},
        {static_cast<bool>(handlers.psk_server_callback), role::server, "psk_server_callback"},
        {static_cast<bool>(handlers.on_ocsp_request), role::server, "on_ocsp_request"},
        {static_cast<bool>(handlers.on_ocsp_response), role::client, "on_ocsp_response"},
        {static_cast<bool>(handlers.sni_callback), role::server, "sni_callback"},
    };
    check_roles(side, rules);
    if (handlers.alpn_callback && !engine.alpn_protocols.empty())
        throw argument_error("ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS",
                             "alpn_callback and alpn_protocols are both given: which of them counts cannot be told");
    if (side == role::server && handlers.verify_peer && !engine.request_cert && !handlers.sni_callback &&
        !handlers.client_hello_callback)
        throw argument_error(
            "ERR_INVALID_ARG_VALUE",
            "verify_peer has nothing to look at: request_cert is off, and no sni_callback can turn it on");
    if (handlers.on_ocsp_response && !engine.request_ocsp && engine.verify_ocsp == ocsp_policy::off)
        throw argument_error("ERR_INVALID_ARG_VALUE",
                             "on_ocsp_response has nothing to look at: request_ocsp is off, and so is verify_ocsp");
    if (handlers.client_hello_callback && handlers.sni_callback)
        throw argument_error(
            "ERR_INVALID_ARG_VALUE",
            "client_hello_callback and sni_callback are both given: which of them counts cannot be told");
    engine.ask = handlers.questions();
    check_options(side, engine);
    behaviour made;
    made.side = side;
    if (engine.ask != question_set())
        made.handlers = std::make_shared<const question_handlers>(std::move(handlers));
    made.engine = std::make_shared<const engine_options>(std::move(engine));
    return made;
}

namespace {

/// `of` with other handlers. @param change  is given those that it has.
template <class Change>
behaviour with_handlers(const behaviour& of, Change change)
{
    question_handlers handlers = of.handlers ? *of.handlers : question_handlers();
    engine_options engine = *of.engine;
    change(handlers);
    engine.ask = handlers.questions();
    behaviour made = of;
    made.handlers = std::make_shared<const question_handlers>(std::move(handlers));
    made.engine = std::make_shared<const engine_options>(std::move(engine));
    return made;
}

}  // namespace

behaviour with_names(const behaviour& of, std::shared_ptr<const server_names> names)
{
    return with_handlers(of, [&names](question_handlers& handlers) { handlers.names = std::move(names); });
}

behaviour with_ocsp_request(const behaviour& of, ocsp_request_handler call)
{
    return with_handlers(of, [&call](question_handlers& handlers) { handlers.on_ocsp_request = std::move(call); });
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
