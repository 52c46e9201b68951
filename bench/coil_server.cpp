#include "bench/coil_server.hpp"

#include "bench/coil_listener.hpp"
#include "bench/protocol.hpp"

#include <coil/runtime/cluster.hpp>
#include <coil/tls/tls.hpp>

#include <vector>

namespace bench {
namespace {

coil::task<> serve(server_settings settings, coil::tls::secure_context context)
{
    std::vector<coil::tls::server> servers;
    for (const protocol one : all_protocols)
        servers.push_back(listen_with_coil(one, context, port_of(one, settings.port), settings.threads > 1));
    const auto closed = servers.front().closed();
    static_cast<void>(co_await closed);
}

}  // namespace

void serve_with_coil(const server_settings& settings)
{
    const coil::tls::secure_context context = make_coil_context(settings.certificate_file, settings.key_file);
    coil::cluster_options options;
    options.grace = {};  // who measures has ended before
    options.workers = settings.threads;
    coil::cluster cluster(options);
    cluster.run([&](coil::worker) { return serve(settings, context); });
}

}  // namespace bench
