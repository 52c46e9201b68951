#include "bench/system.hpp"

#include "bench/coil_epoll_server.hpp"
#include "bench/coil_server.hpp"
#include "bench/failure.hpp"
#include "bench/floor/tcp_server.hpp"
#include "bench/floor/uring_tcp_server.hpp"
#include "bench/rivals/asio_server.hpp"
#include "bench/rivals/epoll_server.hpp"

#include <algorithm>
#include <array>

namespace bench {
namespace {

system built_in(std::string name, std::string description, system_kind kind, void (*serve)(const server_settings&))
{
    system made;
    made.name = std::move(name);
    made.description = std::move(description);
    made.kind = kind;
    made.serve = serve;
    return made;
}

}  // namespace

std::span<const system> systems()
{
    static const std::array<system, 7> all = {
        built_in("openssl", "floor: OpenSSL's calls in memory, no socket", system_kind::memory_floor, nullptr),
        built_in("tcp", "floor: the same exchange without TLS, epoll", system_kind::tcp_floor, serve_plain_tcp),
        built_in("tcp-uring", "floor: the same on io_uring", system_kind::tcp_floor, serve_plain_uring),
        built_in("coil", "coil as it ships", system_kind::server, serve_with_coil),
        built_in("coil-epoll", "coil on epoll, as where io_uring is refused", system_kind::server,
                 serve_with_coil_on_epoll),
        built_in("asio", "Boost.Asio ssl coroutines, epoll", system_kind::server, serve_with_asio),
        built_in("epoll", "OpenSSL on epoll by hand, no framework", system_kind::server, serve_with_epoll),
    };
    return all;
}

const system* find_system(std::string_view name)
{
    const std::span<const system> all = systems();
    const auto found = std::ranges::find(all, name, &system::name);
    return found == all.end() ? nullptr : &*found;
}

void prepare(system& one, const std::function<void(const std::string&)>& tell)
{
    if (!one.prepare || !one.missing.empty())
        return;
    try {
        one.prepare(one, tell);
    } catch (const failure& reason) {
        one.missing = reason.what();
    }
}

std::optional<protocol> protocol_of(scenario_kind kind, const system& of)
{
    const std::optional<protocol> wanted = protocol_needed(kind);
    if (wanted)
        return of.speaks.contains(*wanted) ? wanted : std::nullopt;
    for (const protocol one : {protocol::echo, protocol::http})
        if (of.speaks.contains(one))
            return one;
    return std::nullopt;
}

}  // namespace bench
