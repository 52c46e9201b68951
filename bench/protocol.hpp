#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace bench {

/// What servers under test speak, each on a port of its own:
enum class protocol : std::uint8_t {
    echo,  ///< port: every byte comes back
    download,  ///< port + 1: the client sends a length (8 bytes, big-endian), the server that many bytes in writes of 16 KiB;
               ///< repeated
    upload,  ///< port + 2: the client sends a length and that many bytes, the server returns the length; repeated
    http,    ///< port + 3: HTTP/1.1 GET with keep-alive, answered with "Hello, world!"
};
inline constexpr std::array all_protocols{protocol::echo, protocol::download, protocol::upload, protocol::http};

constexpr std::string_view name_of(protocol one) noexcept
{
    constexpr std::array<std::string_view, all_protocols.size()> names{"echo", "download", "upload", "http"};
    return names[static_cast<std::size_t>(one)];
}

/// None if there is none of that name.
constexpr std::optional<protocol> find_protocol(std::string_view name) noexcept
{
    const auto found = std::ranges::find(all_protocols, name, name_of);
    return found == all_protocols.end() ? std::nullopt : std::optional(*found);
}

/// The port of a protocol, where `first` is the first of the server's ports.
constexpr std::uint16_t port_of(protocol one, std::uint16_t first) noexcept
{
    return static_cast<std::uint16_t>(first + static_cast<std::uint16_t>(one));
}

/// Some of the protocols.
class protocol_set {
public:
    constexpr protocol_set() noexcept = default;
    constexpr protocol_set(std::initializer_list<protocol> members) noexcept
    {
        for (const protocol one : members)
            insert(one);
    }
    static constexpr protocol_set all() noexcept
    {
        return {protocol::echo, protocol::download, protocol::upload, protocol::http};
    }

    constexpr void insert(protocol one) noexcept { has_[static_cast<std::size_t>(one)] = true; }
    constexpr bool contains(protocol one) const noexcept { return has_[static_cast<std::size_t>(one)]; }
    constexpr bool empty() const noexcept { return *this == protocol_set(); }
    constexpr bool operator==(const protocol_set&) const noexcept = default;

private:
    std::array<bool, all_protocols.size()> has_ = {};
};

}  // namespace bench
