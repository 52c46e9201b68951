#include <coil/tls/connect.hpp>

#include <coil/tls/internal/behaviour.hpp>
#include <coil/tls/internal/connect_plan.hpp>
#include <coil/tls/internal/connection.hpp>

namespace coil::tls {
namespace {

/// The name to send and to check: what the caller says, else the host where that is a name, without the dot that marks it as
/// complete.   RFC 6066 §3.
std::string name_of(const connect_options& options)
{
    if (options.servername)
        return *options.servername;
    if (net::is_ip(options.host))
        return {};
    return options.host.substr(0, options.host.size() - options.host.ends_with('.'));
}

net::connect_options place_of(connect_options& options)
{
    net::connect_options where;
    where.family = options.family;
    where.host = options.host;
    where.keep_alive = options.keep_alive;
    where.keep_alive_initial_delay = options.keep_alive_initial_delay;
    where.local_address = std::move(options.local_address);
    where.local_port = options.local_port;
    where.no_delay = options.no_delay;
    where.path = std::move(options.path);
    where.port = options.port;
    return where;
}

}  // namespace

socket connect(connect_options options)
{
    if (options.port == 0 && options.path.empty())
        throw error("ERR_MISSING_ARGS", "connect: neither port nor path is given");
    if (options.keep_alive_initial_delay.count() < 0)
        throw error("ERR_INVALID_ARG_VALUE", "keep_alive_initial_delay is negative");
    const internal::behaviour how = internal::behaviour_of(role::client, options, name_of(options));
    auto plan = std::make_unique<internal::connect_plan>();
    plan->where = place_of(options);
    net::internal::check(plan->where);
    return socket(internal::make_connection(internal::or_default(options.secure_context), how), std::move(plan));
}

}  // namespace coil::tls
