#include "tools/coil/backend_choice.hpp"
#include "tools/coil/command_line.hpp"
#include "tools/coil/file_server.hpp"
#include "tools/coil/http_connection.hpp"
#include "tools/coil/server_process.hpp"
#include "tools/coil/subcommands.hpp"
#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace coil::command {
namespace {

namespace options = boost::program_options;

constexpr description about_serve{
    .name = "serve",
    .synopsis = "coil serve [OPTION]... DIR",
    .about = "Serves the files of DIR over HTTPS (HTTP/1.1, with ranges and conditional requests). A folder is\n"
             "answered with its index.html. Nothing outside of DIR can be reached, and links that lead out of it\n"
             "are refused; everything inside that this user can read, can be read by everybody who can connect.\n"
             "SIGINT and SIGTERM let open requests finish.\n",
    .examples = "  coil serve .\n"
                "  coil serve --port 443 --host 0.0.0.0 --cert chain.pem --key key.pem /srv/files\n"
                "  coil serve --threads 4 --quiet --port 0 --port-file /run/port /srv/files\n"
                "  coil serve --request-cert --ca clients.pem --cert chain.pem --key key.pem private/\n"
                "\n"
                "  curl --insecure https://127.0.0.1:8443/file.txt    # with the throwaway certificate\n",
};

std::string announcement(const std::string& folder, const net::address& where, unsigned threads)
{
    const terminal& out = terminal::output();
    return "Serving " + printable(folder) + " at " + out.paint(colour::bold, "https://" + where.to_string() + "/") +
           (threads > 1 ? " with " + std::to_string(threads) + " threads" : "") + unusual_backend() +
           ". Ctrl-C ends it.\n";
}

struct serve_arguments {
    std::string folder;
    std::string idle_timeout = "60";
    std::string request_timeout = "20";
    server_arguments server;

    http_limits limits() const
    {
        http_limits made;
        made.idle = std::chrono::seconds(parse_number("--idle-timeout", idle_timeout, 1, 86400));
        made.read = std::chrono::seconds(parse_number("--request-timeout", request_timeout, 1, 86400));
        return made;
    }
};

options::options_description options_of(serve_arguments& arguments)
{
    options::options_description group = arguments.server.options("8443");
    const auto seconds = [](std::string& value) {
        return options::value(&value)->value_name("SECONDS")->default_value(value);
    };
    auto add = group.add_options();
    add("idle-timeout", seconds(arguments.idle_timeout), "how long a connection may wait between requests");
    add("request-timeout", seconds(arguments.request_timeout), "how long a request may take to arrive");
    return group;
}

}  // namespace

int serve(int count, char** arguments)
{
    serve_arguments wanted;
    command_line line(about_serve);
    line.add(options_of(wanted));
    line.add(wanted.server.tls.server_options());
    line.take_argument("DIR", &wanted.folder);
    if (!line.parse(count, arguments))
        return 0;
    if (wanted.folder.empty())
        throw usage_error("DIR is missing: coil serve DIR");

    const http_limits limits = wanted.limits();
    const file_server files(wanted.folder);
    server_process_options process;
    process.default_alpn = {"http/1.1"};
    process.allow_truncation = true;  // HTTP marks its own ends, and most clients just leave
    process.service = [&files, &limits](service_context& context) -> tls::server::connection_handler {
        auto http = std::make_shared<http_service>(files, limits, context);
        return [http](tls::socket socket) { return http->run(std::move(socket)); };
    };
    process.announcement = [&folder = wanted.folder](const net::address& where, unsigned threads) {
        return announcement(folder, where, threads);
    };
    return run_server(wanted.server, std::move(process));
}

}  // namespace coil::command
