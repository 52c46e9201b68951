#include "bench/rivals/asio_server.hpp"

#include "bench/listener.hpp"
#include "bench/protocol.hpp"
#include "bench/rivals/asio_listener.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <exception>
#include <thread>
#include <vector>

namespace bench {
namespace {

namespace asio = boost::asio;

/// One thread: nothing is shared but the context, so that no lock is needed.
void run(asio::ssl::context& context, const std::vector<int>& listeners)
{
    asio::io_context loop(1);
    std::exception_ptr failed;
    for (std::size_t i = 0; i < all_protocols.size(); ++i)
        asio::co_spawn(loop, accept_with_asio(loop, listeners[i], context, all_protocols[i]),
                       [&](std::exception_ptr reason) {
                           failed = reason;
                           loop.stop();
                       });
    loop.run();
    if (failed)
        std::rethrow_exception(failed);
}

}  // namespace

void serve_with_asio(const server_settings& settings)
{
    asio::ssl::context context = make_asio_context(settings.certificate_file, settings.key_file);
    std::vector<std::vector<int>> listeners(settings.threads);
    for (std::vector<int>& own : listeners)
        for (const protocol one : all_protocols)
            own.push_back(listen_on(port_of(one, settings.port), settings.threads > 1));
    std::vector<std::jthread> threads;
    for (const std::vector<int>& own : listeners)
        threads.emplace_back([&context, &own] { run(context, own); });
}

}  // namespace bench
