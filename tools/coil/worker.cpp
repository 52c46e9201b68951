#include "tools/coil/worker.hpp"

#include <coil/runtime/shielded.hpp>

#include "tools/coil/terminal.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace coil::command {
namespace {

void complain(std::string_view what)
{
    terminal::errors().write("coil: " + printable(what) + "\n");
}

void complain_of(const std::exception_ptr& uncaught)
{
    try {
        std::rethrow_exception(uncaught);
    } catch (const std::exception& error) {
        complain(std::string("a connection failed: ") + error.what());
    }
}

std::string failed_handshake(const tls::error_info& info, const tls::socket& socket)
{
    const std::optional<net::address> peer = socket.remote_address();
    return (peer ? peer->to_string() : std::string("?")) + " no secure connection: " + info.code + " " +
           printable(info.message);
}

}  // namespace

task<> work(worker_plan plan, std::function<void(const result<net::address>&)> listening)
{
    scope writers;
    service_context context(writers, !plan.quiet);
    tls::server server = tls::create_server(plan.server, plan.service(context));
    server.on_uncaught(complain_of);
    server.on_tls_client_error([&log = context.log()](const tls::error_info& info, const tls::socket& socket) {
        if (log.on())
            log.add(failed_handshake(info, socket));
    });
    const result<> listens = server.listen(plan.listen);
    if (!listens) {
        listening(listens.error());
        co_return;
    }
    listening(server.address().value());
    const result<> closed = co_await server.closed();
    if (!closed)  // the time to finish is over
        co_await shielded(server.shutdown(std::chrono::seconds(0)));
    context.log().finish();
    co_await shielded(writers.join());
}

}  // namespace coil::command
