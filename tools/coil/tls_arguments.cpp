#include "tools/coil/tls_arguments.hpp"

#include "tools/coil/command_line.hpp"
#include "tools/coil/usage_error.hpp"

#include <string_view>

namespace coil::command {
namespace {

namespace options = boost::program_options;

/// Where several are given, the most permissive one holds, as in Node.
std::optional<tls::protocol_version> lowest(const tls_arguments& arguments)
{
    if (arguments.min_v1_0)
        return tls::protocol_version::tlsv1;
    if (arguments.min_v1_1)
        return tls::protocol_version::tlsv1_1;
    if (arguments.min_v1_2)
        return tls::protocol_version::tlsv1_2;
    if (arguments.min_v1_3)
        return tls::protocol_version::tlsv1_3;
    return std::nullopt;
}

std::optional<tls::protocol_version> highest(const tls_arguments& arguments)
{
    if (arguments.max_v1_3)
        return tls::protocol_version::tlsv1_3;
    if (arguments.max_v1_2)
        return tls::protocol_version::tlsv1_2;
    return std::nullopt;
}

std::string first_line(const std::string& path)
{
    const tls::pem contents = tls::file(path);
    const std::string& text = contents.texts().front();
    return text.substr(0, text.find_first_of("\r\n"));
}

}  // namespace

options::options_description tls_arguments::options()
{
    options::options_description group("TLS options", help_width);
    auto add = group.add_options();
    const auto file = [](std::string& value) { return options::value(&value)->value_name("FILE"); };
    const auto list = [](std::string& value) { return options::value(&value)->value_name("LIST"); };
    add("cert", file(cert), "certificate chain, PEM, the leaf first");
    add("key", file(key), "its private key, PEM");
    add("passphrase-file", file(passphrase_file), "file whose first line is the passphrase of the key");
    add("ca", file(ca), "roots to trust, PEM, in place of the built-in ones");
    add("tls-min-v1.0", options::bool_switch(&min_v1_0), "allow TLS 1.0 and later (with @SECLEVEL=0 in the ciphers)");
    add("tls-min-v1.1", options::bool_switch(&min_v1_1), "allow TLS 1.1 and later (likewise)");
    add("tls-min-v1.2", options::bool_switch(&min_v1_2), "allow TLS 1.2 and later (what holds without these)");
    add("tls-min-v1.3", options::bool_switch(&min_v1_3), "allow only TLS 1.3");
    add("tls-max-v1.2", options::bool_switch(&max_v1_2), "do not use TLS 1.3");
    add("tls-max-v1.3", options::bool_switch(&max_v1_3), "use TLS 1.3 too (what holds without these)");
    add("tls-cipher-list", list(ciphers), "OpenSSL names, separated by colons");
    add("alpn", list(alpn), "application protocols, separated by commas");
    return group;
}

options::options_description tls_arguments::server_options()
{
    options::options_description group = options();
    group.add_options()("dhparam", options::value(&dhparam)->value_name("FILE"),
                        "group for DHE ciphers, PEM, or \"auto\"; without it there are none");
    return group;
}

tls::secure_context_options tls_arguments::secure_context_options() const
{
    tls::secure_context_options made;
    made.min_version = lowest(*this);
    made.max_version = highest(*this);
    if (made.min_version && made.max_version && *made.min_version > *made.max_version)
        throw usage_error("--tls-min-v1.3 is above --tls-max-v1.2: no version is left");
    made.ciphers = ciphers;
    if (!ca.empty())
        made.ca = tls::file(ca);
    if (!dhparam.empty())
        made.dhparam = dhparam == "auto" ? tls::pem(dhparam) : tls::file(dhparam);
    return made;
}

void tls_arguments::add_identity(tls::secure_context_options& to) const
{
    if (cert.empty() != key.empty())
        throw usage_error(cert.empty() ? "--key needs --cert FILE, the certificate that belongs to it"
                                       : "--cert needs --key FILE, the private key that belongs to it");
    if (cert.empty() && !passphrase_file.empty())
        throw usage_error("--passphrase-file needs --key FILE");
    if (cert.empty())
        return;
    to.cert = tls::file(cert);
    to.key = tls::file(key);
    if (!passphrase_file.empty())
        to.passphrase = first_line(passphrase_file);
}

std::vector<std::string> tls_arguments::alpn_protocols() const
{
    std::vector<std::string> names;
    std::size_t begin = 0;
    while (!alpn.empty() && begin <= alpn.size()) {
        const std::size_t end = std::min(alpn.find(',', begin), alpn.size());
        names.push_back(alpn.substr(begin, end - begin));
        begin = end + 1;
    }
    for (const std::string& name : names)
        if (name.empty() || name.size() > 255)
            throw usage_error("--alpn: \"" + alpn + "\" has a name that is empty or longer than 255 bytes");
    return names;
}

}  // namespace coil::command
