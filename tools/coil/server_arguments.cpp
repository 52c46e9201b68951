#include "tools/coil/server_arguments.hpp"

#include <coil/net/address.hpp>

#include "tools/coil/backend_choice.hpp"
#include "tools/coil/command_line.hpp"
#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

#include <chrono>

namespace coil::command {

namespace options = boost::program_options;

options::options_description server_arguments::options(const std::string& default_port)
{
    port = default_port;
    options::options_description group("Server options", help_width);
    auto add = group.add_options();
    add("help,h", "show this text");
    add("host", options::value(&host)->value_name("ADDRESS")->default_value(host),
        "address to listen on; 0.0.0.0 or :: for all");
    add("port,p", options::value(&port)->value_name("PORT")->default_value(port), "0 lets the system choose one");
    add("threads", options::value(&threads)->value_name("N")->default_value(threads),
        "threads, each with a ring and a listener of its own");
    add_backend_option(group, backend);
    add("handshake-timeout",
        options::value(&handshake_timeout)->value_name("SECONDS")->default_value(handshake_timeout),
        "how long a handshake may take");
    add("max-connections", options::value(&max_connections)->value_name("N")->default_value(max_connections),
        "connections at once on each thread, more are closed as they come; 0 for no limit");
    add("request-cert", options::bool_switch(&request_cert),
        "refuse clients without a certificate that --ca vouches for");
    add("no-reject-unauthorized", options::bool_switch(&no_reject_unauthorized),
        "with --request-cert: serve clients without such a certificate too");
    add("port-file", options::value(&port_file)->value_name("FILE"), "file to write the port number to, for scripts");
    add("quiet,q", options::bool_switch(&quiet), "say nothing unless something goes wrong");
    return group;
}

std::string server_arguments::address() const
{
    if (host == "localhost")
        return "127.0.0.1";
    if (!net::address::parse(host, 0))
        throw usage_error("--host: \"" + printable(host) + "\" is no IP address");
    return host;
}

backend server_arguments::loop_backend() const
{
    return parse_backend(backend);
}

std::uint16_t server_arguments::port_number() const
{
    return static_cast<std::uint16_t>(parse_number("--port", port, 0, 65535));
}

unsigned server_arguments::thread_count() const
{
    return parse_number("--threads", threads, 1, 256);
}

tls::server_options server_arguments::server_options() const
{
    tls::server_options made;
    made.handshake_timeout = std::chrono::seconds(parse_number("--handshake-timeout", handshake_timeout, 1, 86400));
    made.max_connections = parse_number("--max-connections", max_connections, 0, 1'000'000);
    // Otherwise every public authority would vouch for clients, or the file would be good for nothing.
    if (request_cert && tls.ca.empty())
        throw usage_error("--request-cert needs --ca FILE, the authorities that vouch for clients");
    if (!request_cert && !tls.ca.empty())
        throw usage_error("--ca is about the certificates of clients, which only --request-cert asks for");
    if (!request_cert && no_reject_unauthorized)
        throw usage_error("--no-reject-unauthorized needs --request-cert");
    made.reject_unauthorized = !no_reject_unauthorized;
    made.request_cert = request_cert;
    return made;
}

}  // namespace coil::command
