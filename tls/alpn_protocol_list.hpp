#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coil::tls {

/// Application protocols in falling preference.
/// Node: ALPNProtocols.   RFC 7301.
class alpn_protocol_list {
public:
    alpn_protocol_list() = default;
    /// Throws: `tls::error` ERR_OUT_OF_RANGE for a name of more than 255 bytes, ERR_INVALID_ARG_VALUE for an empty one and
    ///         for a list that is too long to be sent.
    alpn_protocol_list(std::initializer_list<std::string_view> names);
    alpn_protocol_list(const std::vector<std::string>& names);
    /// The list as it stands on the wire: a length byte and a name, repeated.
    /// Throws: `tls::error` ERR_INVALID_ARG_VALUE if it is malformed.
    alpn_protocol_list(std::span<const std::byte> wire);

    bool operator==(const alpn_protocol_list&) const noexcept = default;

    bool empty() const noexcept { return wire_.empty(); }
    bool contains(std::string_view name) const noexcept;
    std::vector<std::string> names() const;
    /// The list as it stands on the wire.
    const std::string& wire() const noexcept { return wire_; }

private:
    void add(std::string_view name);
    void check_size() const;

    std::string wire_;
};

}  // namespace coil::tls
