#include "tools/coil/command_line.hpp"
#include "tools/coil/file_server.hpp"
#include "tools/coil/http_connection.hpp"
#include "tools/coil/server_process.hpp"
#include "tools/coil/subcommands.hpp"
#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

#include <memory>
#include <string>
#include <utility>

namespace coil::command {
namespace {

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
           (threads > 1 ? " with " + std::to_string(threads) + " threads" : "") + ". Ctrl-C ends it.\n";
}

}  // namespace

int serve(int count, char** arguments)
{
    std::string folder;
    server_arguments server;
    command_line line(about_serve);
    line.add(server.options("8443"));
    line.add(server.tls.options());
    line.take_argument("DIR", &folder);
    if (!line.parse(count, arguments))
        return 0;
    if (folder.empty())
        throw usage_error("DIR is missing: coil serve DIR");

    const file_server files(folder);
    server_process_options process;
    process.default_alpn = {"http/1.1"};
    process.allow_truncation = true;  // HTTP marks its own ends, and most clients just leave
    process.service = [&files](service_context& context) -> tls::server::connection_handler {
        auto http = std::make_shared<http_service>(files, context);
        return [http](tls::socket socket) { return http->run(std::move(socket)); };
    };
    process.announcement = [&folder](const net::address& where, unsigned threads) {
        return announcement(folder, where, threads);
    };
    return run_server(server, std::move(process));
}

}  // namespace coil::command
