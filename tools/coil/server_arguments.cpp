#include "tools/coil/server_arguments.hpp"

#include <coil/net/address.hpp>

#include "tools/coil/command_line.hpp"
#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

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
    add("request-cert", options::bool_switch(&request_cert),
        "refuse clients without a certificate that --ca vouches for");
    add("port-file", options::value(&port_file)->value_name("FILE"), "file to write the port number to, for scripts");
    add("quiet,q", options::bool_switch(&quiet), "say nothing unless something goes wrong");
    return group;
}

std::string server_arguments::address() const
{
    if (host == "localhost")
        return "127.0.0.1";
    if (!net::is_ip(host))
        throw usage_error("--host: \"" + printable(host) + "\" is no IP address");
    return host;
}

std::uint16_t server_arguments::port_number() const
{
    return static_cast<std::uint16_t>(parse_number("--port", port, 0, 65535));
}

unsigned server_arguments::thread_count() const
{
    return parse_number("--threads", threads, 1, 256);
}

}  // namespace coil::command
