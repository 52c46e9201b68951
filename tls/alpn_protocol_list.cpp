#include <coil/tls/alpn_protocol_list.hpp>

#include <coil/tls/internal/openssl.hpp>

#include <algorithm>

namespace coil::tls {

alpn_protocol_list::alpn_protocol_list(std::initializer_list<std::string_view> names)
{
    for (const std::string_view name : names)
        add(name);
}

alpn_protocol_list::alpn_protocol_list(const std::vector<std::string>& names)
{
    for (const std::string& name : names)
        add(name);
}

alpn_protocol_list::alpn_protocol_list(std::span<const std::byte> wire)
    : wire_(reinterpret_cast<const char*>(wire.data()), wire.size())
{
    for (std::size_t at = 0; at < wire_.size();) {
        const std::size_t length = static_cast<unsigned char>(wire_[at]);
        if (length == 0 || length >= wire_.size() - at)
            throw internal::argument_error("ERR_INVALID_ARG_VALUE", "alpn_protocols is no list in wire form");
        at += 1 + length;
    }
    check_size();
}

void alpn_protocol_list::add(std::string_view name)
{
    if (name.empty())
        throw internal::argument_error("ERR_INVALID_ARG_VALUE", "alpn_protocols holds an empty name");
    if (name.size() > 255)
        throw internal::argument_error("ERR_OUT_OF_RANGE", "alpn_protocols holds a name of more than 255 bytes");
    wire_ += static_cast<char>(name.size());
    wire_ += name;
    check_size();
}

void alpn_protocol_list::check_size() const
{
    constexpr std::size_t room = 65'535 - 2;  // of an extension, in which the list's own length takes two bytes
    if (wire_.size() > room)
        throw internal::argument_error("ERR_INVALID_ARG_VALUE", "alpn_protocols takes more than 65533 bytes");
}

std::vector<std::string> alpn_protocol_list::names() const
{
    std::vector<std::string> all;
    for (std::size_t at = 0; at < wire_.size(); at += 1 + all.back().size())
        all.push_back(wire_.substr(at + 1, static_cast<unsigned char>(wire_[at])));
    return all;
}

bool alpn_protocol_list::contains(std::string_view name) const noexcept
{
    for (std::size_t at = 0; at < wire_.size(); at += 1 + static_cast<unsigned char>(wire_[at]))
        if (std::string_view(wire_).substr(at + 1, static_cast<unsigned char>(wire_[at])) == name)
            return true;
    return false;
}

}  // namespace coil::tls
