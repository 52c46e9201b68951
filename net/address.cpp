#include <coil/net/address.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <net/if.h>

namespace coil::net {
namespace {

std::optional<in6_addr> parse_ipv6(const std::string& text)
{
    in6_addr bits{};
    if (::inet_pton(AF_INET6, text.c_str(), &bits) != 1)
        return std::nullopt;
    return bits;
}

/// The number of a zone, which is the name of an interface or its number.
std::optional<std::uint32_t> parse_zone(const std::string& zone)
{
    if (const unsigned index = ::if_nametoindex(zone.c_str()))
        return index;
    if (zone.empty() || zone.size() > 9 || !std::all_of(zone.begin(), zone.end(), [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    return static_cast<std::uint32_t>(std::stoul(zone));
}

}  // namespace

std::optional<address> address::parse(std::string_view ip, std::uint16_t port)
{
    address parsed;
    const std::string text(ip);
    if (text.find('\0') != std::string::npos)
        return std::nullopt;  // the functions below would see only what is before it
    if (::inet_pton(AF_INET, text.c_str(), &parsed.storage_.v4.sin_addr) == 1) {
        parsed.storage_.v4.sin_family = AF_INET;
        parsed.storage_.v4.sin_port = htons(port);
        parsed.size_ = sizeof(sockaddr_in);
        return parsed;
    }
    const std::size_t percent = text.find('%');
    const std::optional<in6_addr> bits = parse_ipv6(text.substr(0, percent));
    if (!bits)
        return std::nullopt;
    sockaddr_in6& v6 = parsed.storage_.v6;
    v6 = {};
    v6.sin6_addr = *bits;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (percent != std::string::npos) {
        const std::optional<std::uint32_t> zone = parse_zone(text.substr(percent + 1));
        if (!zone)
            return std::nullopt;
        v6.sin6_scope_id = *zone;
    }
    parsed.size_ = sizeof(sockaddr_in6);
    return parsed;
}

std::optional<address> address::of_path(std::string_view path)
{
    address made;
    sockaddr_un& un = made.storage_.un;
    const bool is_abstract = path.starts_with('\0');  // a name without a file, told by its length
    if (path.empty() || path.size() >= sizeof un.sun_path || (!is_abstract && path.find('\0') != std::string_view::npos))
        return std::nullopt;
    un = {};
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, path.data(), path.size());
    made.size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + !is_abstract);
    return made;
}

address address::any(address_family family, std::uint16_t port) noexcept
{
    address made;
    if (family == address_family::ipv4) {
        made.storage_.v4 = {};
        made.storage_.v4.sin_family = AF_INET;
        made.storage_.v4.sin_port = htons(port);
        made.size_ = sizeof(sockaddr_in);
    } else {
        made.storage_.v6 = {};
        made.storage_.v6.sin6_family = AF_INET6;
        made.storage_.v6.sin6_port = htons(port);
        made.size_ = sizeof(sockaddr_in6);
    }
    return made;
}

address address::from_system(const sockaddr_storage& storage, socklen_t size) noexcept
{
    address made;
    made.size_ = std::min<socklen_t>(size, sizeof made.storage_);
    std::memcpy(&made.storage_, &storage, made.size_);
    return made;
}

address_family address::family() const noexcept
{
    switch (storage_.v4.sin_family) {
    case AF_INET: return address_family::ipv4;
    case AF_INET6: return address_family::ipv6;
    default: return address_family::unix_path;
    }
}

std::string_view address::family_name() const noexcept
{
    switch (family()) {
    case address_family::ipv4: return "IPv4";
    case address_family::ipv6: return "IPv6";
    default: return "Unix";
    }
}

std::string address::ip() const
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    switch (family()) {
    case address_family::ipv4: ::inet_ntop(AF_INET, &storage_.v4.sin_addr, text.data(), text.size()); break;
    case address_family::ipv6: ::inet_ntop(AF_INET6, &storage_.v6.sin6_addr, text.data(), text.size()); break;
    case address_family::unix_path: break;
    }
    return text.data();
}

std::uint16_t address::port() const noexcept
{
    switch (family()) {
    case address_family::ipv4: return ntohs(storage_.v4.sin_port);
    case address_family::ipv6: return ntohs(storage_.v6.sin6_port);
    default: return 0;
    }
}

std::string address::path() const
{
    constexpr std::size_t start = offsetof(sockaddr_un, sun_path);
    if (family() != address_family::unix_path || size_ <= start)
        return {};
    if (storage_.un.sun_path[0] == '\0')
        return std::string(storage_.un.sun_path, size_ - start);
    return std::string(storage_.un.sun_path, ::strnlen(storage_.un.sun_path, size_ - start));
}

std::string address::to_string() const
{
    switch (family()) {
    case address_family::ipv4: return ip() + ":" + std::to_string(port());
    case address_family::ipv6: return "[" + ip() + "]:" + std::to_string(port());
    default: return path();
    }
}

address address::with_port(std::uint16_t port) const noexcept
{
    address changed = *this;
    if (family() == address_family::ipv4)
        changed.storage_.v4.sin_port = htons(port);
    else if (family() == address_family::ipv6)
        changed.storage_.v6.sin6_port = htons(port);
    return changed;
}

bool is_ip(std::string_view text)
{
    const auto is_of_zone = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
               c == ':' || c == '_';
    };
    const std::size_t percent = text.find('%');
    if (percent == text.npos)
        return address::parse(text, 0).has_value();
    const std::string_view zone = text.substr(percent + 1);
    if (zone.empty() || !std::all_of(zone.begin(), zone.end(), is_of_zone) || text.find('\0') < percent)
        return false;
    return parse_ipv6(std::string(text.substr(0, percent))).has_value();
}

}  // namespace coil::net
