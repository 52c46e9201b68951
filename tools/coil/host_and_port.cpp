#include "tools/coil/host_and_port.hpp"

#include <coil/net/address.hpp>

#include "tools/coil/command_line.hpp"
#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

namespace coil::command {

host_and_port parse_host_and_port(std::string_view text)
{
    const usage_error malformed("\"" + printable(text) + "\" is not of the form HOST:PORT");
    host_and_port parsed;
    std::string_view port;
    if (text.find_first_of("/ \t\r\n") != text.npos)
        throw malformed;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == text.npos || !net::is_ip(text.substr(1, close - 1)))
            throw malformed;
        parsed.host = text.substr(1, close - 1);
        port = text.substr(close + 1);
    } else if (net::is_ip(text)) {
        parsed.host = text;
    } else {
        const std::size_t colon = std::min(text.find(':'), text.size());
        parsed.host = text.substr(0, colon);
        port = text.substr(colon);
    }
    const bool has_port = port.starts_with(':');
    if (parsed.host.empty() || (!port.empty() && !has_port))
        throw malformed;
    if (has_port)
        parsed.port = static_cast<std::uint16_t>(
            parse_number("the port of " + printable(text), std::string(port.substr(1)), 1, 65535));
    return parsed;
}

}  // namespace coil::command
