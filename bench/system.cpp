#include "bench/system.hpp"

#include "bench/coil_server.hpp"
#include "bench/floor/tcp_server.hpp"
#include "bench/rivals/asio_server.hpp"

#include <algorithm>
#include <array>

namespace bench {

std::span<const system> systems() noexcept
{
    static constexpr std::array<system, 4> all = {{
        {"openssl", "floor: OpenSSL's calls in memory, no socket", system_kind::memory_floor, nullptr},
        {"tcp", "floor: the same exchange without TLS, plain epoll", system_kind::tcp_floor, serve_plain_tcp},
        {"coil", "coil as it ships", system_kind::server, serve_with_coil},
        {"asio", "Boost.Asio ssl coroutines, epoll", system_kind::server, serve_with_asio},
    }};
    return all;
}

const system* find_system(std::string_view name) noexcept
{
    const std::span<const system> all = systems();
    const auto found = std::ranges::find(all, name, &system::name);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace bench
