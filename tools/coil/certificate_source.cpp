#include "tools/coil/certificate_source.hpp"

#include <coil/net/address.hpp>
#include <coil/tls/engine.hpp>
#include <coil/tls/self_signed.hpp>

#include "tools/coil/terminal.hpp"

#include <algorithm>
#include <vector>

namespace coil::command {
namespace {

std::vector<std::string> names_of_this_machine(const std::string& host)
{
    std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
    const bool any_address = host.empty() || host == "0.0.0.0" || host == "::";
    if (!any_address && std::ranges::find(names, host) == names.end())
        names.push_back(host);
    return names;
}

std::string joined(const std::vector<std::string>& names)
{
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

std::string fingerprint_of(const tls::secure_context& context)
{
    const tls::engine engine(context, tls::role::server, tls::engine_options());
    const std::optional<tls::certificate> own = engine.get_certificate();
    return own ? own->fingerprint256 : std::string();
}

}  // namespace

server_identity make_server_identity(const tls_arguments& arguments, const std::string& host)
{
    server_identity identity;
    tls::secure_context_options options = arguments.secure_context_options();
    arguments.add_identity(options);
    const bool given = !options.cert.empty();
    const std::vector<std::string> names = names_of_this_machine(host);
    if (!given) {
        const tls::self_signed_certificate throwaway = tls::create_self_signed(names);
        options.cert = throwaway.cert;
        options.key = throwaway.key;
    }
    identity.context = tls::create_secure_context(options);
    if (!given) {
        const terminal& err = terminal::errors();
        identity.notice =
            err.paint(colour::yellow, "No --cert was given, so this server uses a throwaway certificate") +
            " that nobody trusts.\n  names    " + joined(names) + "\n  SHA-256  " + fingerprint_of(identity.context) +
            "\n";
    }
    return identity;
}

}  // namespace coil::command
