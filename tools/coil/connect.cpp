#include <coil/net/connect.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/socket.hpp>

#include "tools/coil/backend_choice.hpp"
#include "tools/coil/command_line.hpp"
#include "tools/coil/connect_report.hpp"
#include "tools/coil/host_and_port.hpp"
#include "tools/coil/standard_streams.hpp"
#include "tools/coil/subcommands.hpp"
#include "tools/coil/terminal.hpp"
#include "tools/coil/tls_arguments.hpp"
#include "tools/coil/usage_error.hpp"
#include "tools/coil/verification_text.hpp"

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace coil::command {
namespace {

namespace options = boost::program_options;

constexpr description about_connect{
    .name = "connect",
    .synopsis = "coil connect [OPTION]... HOST[:PORT]",
    .about =
        "Connects to a TLS server (port 443 unless given), says on standard error what was negotiated and whether\n"
        "the server is who it claims to be, then pipes standard input to it and its bytes to standard output,\n"
        "until the server ends. Many servers take the end of what is sent to them for a client that has left, so\n"
        "this side stays open meanwhile; --half-close is for those that wait for it.\n"
        "A server that cannot be verified is refused.\n",
    .examples = "  coil connect example.com\n"
                "  printf 'GET / HTTP/1.0\\r\\nHost: example.com\\r\\n\\r\\n' | coil connect --quiet example.com:443\n"
                "  coil connect --ca root.pem --servername a.example.com 127.0.0.1:8443\n"
                "  coil connect --insecure --tls-max-v1.2 --half-close localhost:7007 < FILE\n",
};

constexpr std::chrono::seconds time_for_handshake(30);

struct connect_arguments {
    std::string backend = "automatic";
    input_options input;
    bool insecure = false;
    bool quiet = false;
    std::optional<std::string> servername;
    host_and_port target;
    tls_arguments tls;
};

options::options_description options_of(connect_arguments& arguments)
{
    options::options_description group("Connection options", help_width);
    auto add = group.add_options();
    add("help,h", "show this text");
    add("servername",
        options::value<std::string>()->value_name("NAME")->notifier(
            [&arguments](const std::string& name) { arguments.servername = name; }),
        "name to ask for and to check, in place of HOST; \"\" asks for none");
    add("insecure,k", options::bool_switch(&arguments.insecure), "go on with a server that cannot be verified");
    add("crlf", options::bool_switch(&arguments.input.crlf), "send line ends as CR LF, for HTTP or mail typed by hand");
    add("half-close,N", options::bool_switch(&arguments.input.half_close),
        "end the sending side when standard input ends, not only when the server ends");
    add("quiet,q", options::bool_switch(&arguments.quiet), "no report");
    add_backend_option(group, arguments.backend);
    return group;
}

/// The name that goes with a host, without the dot that marks it as complete; none for an address.   RFC 6066 §3.
std::string name_of(const std::string& host)
{
    if (net::is_ip(host))
        return {};
    return host.substr(0, host.size() - host.ends_with('.'));
}

tls::socket_options socket_options_of(const connect_arguments& arguments)
{
    tls::socket_options made;
    tls::secure_context_options context = arguments.tls.secure_context_options();
    arguments.tls.add_identity(context);
    made.secure_context = tls::create_secure_context(context);
    made.alpn_protocols = tls::alpn_protocol_list(arguments.tls.alpn_protocols());
    made.host = arguments.target.host;
    made.reject_unauthorized = !arguments.insecure;
    made.allow_half_open = true;  // TLS 1.3 ends one direction at a time: the rest of the input is still sent
    made.servername = arguments.servername.value_or(name_of(arguments.target.host));
    return made;
}

std::string advice(const std::string& code)
{
    if (code == "ERR_SSL_WRONG_VERSION_NUMBER" || code == "ERR_SSL_PACKET_LENGTH_TOO_LONG")
        return "; perhaps it does not speak TLS on this port";
    if (code == "ERR_SSL_UNSUPPORTED_PROTOCOL" || code == "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION")
        return "; it speaks other versions of TLS (see --tls-min-v1.x and --tls-max-v1.x)";
    return "";
}

std::string failed_handshake(const tls::socket& socket, const std::error_code& error, const std::string& name)
{
    if (error == errc::timed_out)
        return "no secure connection: the server took too long for the handshake (ETIMEDOUT)";
    const tls::error_info info = socket.error_info();
    if (const std::optional<std::string> code = socket.authorization_error())
        return "refused: " + verification_text(*code, name, info.message) + " (" + *code +
               "); --ca FILE trusts another root, --insecure goes on all the same";
    const std::string code = info.code.empty() ? error_name(error) : info.code;
    const std::string message = info.message.empty() ? error.message() : info.message;
    return "no secure connection: " + message + " (" + code + ")" + advice(code);
}

std::string cause(const std::error_code& error)
{
    return ": " + error.message() + " (" + error_name(error) + ")";
}

/// Empty where nothing failed, and where the reader of standard output has left, as `head` does.
std::string failed_pipe(const pipe_outcome& piped)
{
    if (piped.input)
        return "standard input cannot be read" + cause(piped.input);
    if (piped.output == std::error_code(EPIPE, std::system_category()))
        return "";
    if (piped.output)
        return "standard output cannot be written" + cause(piped.output);
    std::string what;
    if (piped.connection)
        what = "the connection broke" + cause(piped.connection);
    else if (piped.unsent > 0)
        what = "the server ended the connection";
    if (piped.unsent > 0)
        what += "; " + std::to_string(piped.unsent) + " bytes of standard input" +
                (piped.input_ended ? "" : ", and what follows them,") + " were not sent";
    return what;
}

task<> connect_and_pipe(const connect_arguments& arguments, tls::socket_options how)
{
    using clock = std::chrono::steady_clock;
    connect_facts facts;
    facts.host = arguments.target.host;
    facts.servername = net::is_ip(how.servername) ? std::string() : how.servername;
    const std::string checked = how.servername.empty() ? facts.host : how.servername;
    const net::connect_options where{.host = arguments.target.host, .no_delay = true, .port = arguments.target.port};
    net::socket plain = net::connect(where);
    const clock::time_point begin = clock::now();
    const result<> connected = co_await plain.connect();
    if (!connected)
        throw failure("cannot connect to " + where.host + " port " + std::to_string(where.port) + ": " +
                      connected.error().message() + " (" + error_name(connected.error()) + ")");
    const clock::time_point middle = clock::now();
    facts.connect_time = middle - begin;
    facts.peer = plain.remote_address();
    tls::socket socket(std::move(plain), std::move(how));
    const result<> secure = co_await with_timeout(time_for_handshake, socket.secure_connect());
    facts.handshake_time = clock::now() - middle;
    facts.secure = secure.has_value();
    if (!arguments.quiet)
        terminal::errors().write(connect_report(socket, facts));
    if (!secure)
        throw failure(failed_handshake(socket, secure.error(), checked));
    const pipe_outcome piped = co_await pipe_standard_streams(socket, arguments.input);
    if (const std::string what = failed_pipe(piped); !what.empty())
        throw failure(what);
}

}  // namespace

int connect(int count, char** arguments)
{
    connect_arguments wanted;
    std::string target;
    command_line line(about_connect);
    line.add(options_of(wanted));
    line.add(wanted.tls.options());
    line.take_argument("HOST:PORT", &target);
    if (!line.parse(count, arguments))
        return 0;
    if (target.empty())
        throw usage_error("HOST is missing: coil connect HOST:PORT");
    wanted.target = parse_host_and_port(target);
    tls::socket_options how = socket_options_of(wanted);
    loop_options how_to_wait;
    how_to_wait.backend = parse_backend(wanted.backend);
    how_to_wait.blocked_threshold = {};  // what goes to stderr is about the connection
    coil::loop loop(how_to_wait);
    loop.run(connect_and_pipe(wanted, std::move(how)));
    return 0;
}

}  // namespace coil::command
