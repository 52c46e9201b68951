#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace coil::net {

/// What kind of address.
enum class address_family { ipv4, ipv6, unix_path };

/// One end of a connection: an IP address with a port, or the path of a Unix socket.
/// Node: the object of server.address().
class address {
public:
    /// @param ip  an address in text, IPv4 or IPv6, the latter with or without a zone ("fe80::1%eth0"). @return none if it
    ///            is not one.
    static std::optional<address> parse(std::string_view ip, std::uint16_t port);
    /// @param path  at most 107 bytes; one that begins with a zero byte names a socket without a file. @return none if it is
    ///              longer or empty, or has a zero byte elsewhere.
    static std::optional<address> of_path(std::string_view path);
    /// Any address of this host, for listening: `::`, or 0.0.0.0 for IPv4.
    static address any(address_family family, std::uint16_t port) noexcept;
    /// What the kernel handed out.
    static address from_system(const sockaddr_storage& storage, socklen_t size) noexcept;

    address_family family() const noexcept;
    /// "IPv4", "IPv6" or "Unix". Node: family.
    std::string_view family_name() const noexcept;
    /// The IP address in text; empty for a Unix socket. Node: address.
    std::string ip() const;
    /// 0 for a Unix socket. Node: port.
    std::uint16_t port() const noexcept;
    /// The path; empty for an IP address and for a Unix socket without a name.
    std::string path() const;
    /// "127.0.0.1:8000", "[::1]:8000" or the path.
    std::string to_string() const;

    /// The same address with another port.
    address with_port(std::uint16_t port) const noexcept;

    const sockaddr* system_address() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t system_size() const noexcept { return size_; }

private:
    address() noexcept = default;

    union {
        sockaddr_in v4;
        sockaddr_in6 v6;
        sockaddr_un un;
    } storage_{};
    socklen_t size_ = 0;
};

/// Whether `text` is an IP address, of either family. The zone of an IPv6 address ("fe80::1%eth0") may be one that this
/// machine does not have: `address::parse` knows.   Node: net.isIP.   RFC 4007 §11.
bool is_ip(std::string_view text);

}  // namespace coil::net
