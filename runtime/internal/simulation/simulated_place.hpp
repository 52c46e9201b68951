#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/socket.h>

namespace coil::internal {

/// An address in a simulated network. An IPv4 address is kept as the IPv6 address that stands for it.
struct simulated_place {
    std::array<std::uint8_t, 16> ip{};
    std::uint16_t port = 0;
    std::uint32_t zone = 0;
    std::string path;  // not empty: a Unix socket
    bool is_unix = false;

    /// @return none for a family that it does not know or a size that is too small.
    static std::optional<simulated_place> from_system(const sockaddr* address, socklen_t size);
    /// As the kernel tells it to a socket of this family.
    void to_system(int family, sockaddr_storage& address, socklen_t& size) const noexcept;

    bool is_ipv4() const noexcept;
    /// Whether it stands for every address, of IPv4 or of both.
    bool is_any() const noexcept;
    bool same_host(const simulated_place& other) const noexcept { return is_unix == other.is_unix && ip == other.ip; }

    std::string to_string() const;
};

}  // namespace coil::internal
