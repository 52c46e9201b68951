#include <coil/runtime/internal/simulation/simulated_place.hpp>

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace coil::internal {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<simulated_place> simulated_place::from_system(const sockaddr* address, socklen_t size)
{
    simulated_place place;
    if (size < sizeof(sa_family_t))
        return std::nullopt;
    if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
        sockaddr_in v4{};
        std::memcpy(&v4, address, sizeof v4);
        std::copy(mapped_prefix.begin(), mapped_prefix.end(), place.ip.begin());
        std::memcpy(place.ip.data() + mapped_prefix.size(), &v4.sin_addr, sizeof v4.sin_addr);
        place.port = ntohs(v4.sin_port);
        return place;
    }
    if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, address, sizeof v6);
        std::memcpy(place.ip.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
        place.port = ntohs(v6.sin6_port);
        place.zone = v6.sin6_scope_id;
        return place;
    }
    if (address->sa_family != AF_UNIX)
        return std::nullopt;
    constexpr std::size_t start = offsetof(sockaddr_un, sun_path);
    place.is_unix = true;
    if (size > start) {
        const char* path = reinterpret_cast<const char*>(address) + start;
        place.path.assign(path, ::strnlen(path, size - start));
    }
    return place;
}

void simulated_place::to_system(int family, sockaddr_storage& address, socklen_t& size) const noexcept
{
    address = {};
    if (family == AF_UNIX) {
        sockaddr_un un{};
        un.sun_family = AF_UNIX;
        const std::size_t length = std::min(path.size(), sizeof un.sun_path - 1);
        std::memcpy(un.sun_path, path.data(), length);
        size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + (length == 0 ? 0 : length + 1));
        std::memcpy(&address, &un, sizeof un);
    } else if (family == AF_INET) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&v4.sin_addr, ip.data() + mapped_prefix.size(), sizeof v4.sin_addr);
        size = sizeof v4;
        std::memcpy(&address, &v4, sizeof v4);
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        v6.sin6_scope_id = zone;
        std::memcpy(&v6.sin6_addr, ip.data(), ip.size());
        size = sizeof v6;
        std::memcpy(&address, &v6, sizeof v6);
    }
}

bool simulated_place::is_ipv4() const noexcept
{
    return !is_unix && std::equal(mapped_prefix.begin(), mapped_prefix.end(), ip.begin());
}

bool simulated_place::is_any() const noexcept
{
    const auto first = ip.begin() + (is_ipv4() ? mapped_prefix.size() : 0);
    return !is_unix && std::all_of(first, ip.end(), [](std::uint8_t each) { return each == 0; });
}

std::string simulated_place::to_string() const
{
    if (is_unix)
        return path.empty() ? "a Unix socket without a name" : path;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (is_ipv4()) {
        ::inet_ntop(AF_INET, ip.data() + mapped_prefix.size(), text.data(), text.size());
        return std::string(text.data()) + ":" + std::to_string(port);
    }
    ::inet_ntop(AF_INET6, ip.data(), text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(port);
}

}  // namespace coil::internal
