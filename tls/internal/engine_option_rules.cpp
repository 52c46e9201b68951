#include <coil/tls/internal/engine_option_rules.hpp>

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/internal/psk_choice.hpp>

#include <string>

namespace coil::tls::internal {

void check_roles(tls::role role, std::span<const role_rule> rules)
{
    for (const role_rule& one : rules)
        if (one.given && one.side != role)
            throw argument_error("ERR_INVALID_ARG_VALUE", std::string(one.name) + " is an option of a " +
                                                              (one.side == role::server ? "server" : "client"));
}

void check_options(tls::role role, const engine_options& options)
{
    const role_rule rules[] = {
        {options.ask.alpn, role::server, "ask.alpn"},
        {options.ask.certificate_status, role::server, "ask.certificate_status"},
        {options.ask.client_certificate, role::client, "ask.client_certificate"},
        {options.ask.client_hello, role::server, "ask.client_hello"},
        {options.ask.server_identity, role::client, "ask.server_identity"},
        {options.ask.stapled_response, role::client, "ask.stapled_response"},
        {!options.host.empty(), role::client, "host"},
        {!options.psk_identity_hint.empty(), role::server, "psk_identity_hint"},
        {options.request_cert, role::server, "request_cert"},
        {options.request_ocsp, role::client, "request_ocsp"},
        {!options.servername.empty(), role::client, "servername"},
        {options.verify_ocsp != ocsp_policy::off, role::client, "verify_ocsp"},
    };
    check_roles(role, rules);
    psk_choice::check_hint(options.psk_identity_hint);
    if (!options.psk_identity_hint.empty() && !options.ask.psk)
        throw argument_error("ERR_INVALID_ARG_VALUE", "psk_identity_hint is of no use where nobody is asked for keys");
    if (options.ask.alpn && !options.alpn_protocols.empty())
        throw argument_error("ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS",
                             "alpn_protocols is given, and so is who is to be asked instead");
    if (options.ask.stapled_response && !options.request_ocsp && options.verify_ocsp == ocsp_policy::off)
        throw argument_error(
            "ERR_INVALID_ARG_VALUE",
            "ask.stapled_response has nothing to wait for: request_ocsp is off, and so is verify_ocsp");
}

}  // namespace coil::tls::internal
