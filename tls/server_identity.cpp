#include <coil/tls/server_identity.hpp>

#include <coil/net/address.hpp>
#include <coil/tls/error.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace coil::tls {
namespace {

[[noreturn]] void throw_bad_format()
{
    error_info info;
    info.error = errc::cert_altname_format;
    info.code = error_name(info.error);
    info.message = info.error.message();
    throw error(std::move(info));
}

void append_utf8(std::string& to, std::uint32_t code)
{
    if (code < 0x80) {
        to += static_cast<char>(code);
    } else if (code < 0x800) {
        to += static_cast<char>(0xc0 | code >> 6);
        to += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        to += static_cast<char>(0xe0 | code >> 12);
        to += static_cast<char>(0x80 | (code >> 6 & 0x3f));
        to += static_cast<char>(0x80 | (code & 0x3f));
    }
}

/// Reads the four hex digits of a \u escape at the front of `text` and drops them.
std::uint32_t take_hex(std::string_view& text)
{
    constexpr std::string_view digits = "0123456789abcdef";
    if (text.size() < 4)
        throw_bad_format();
    std::uint32_t code = 0;
    for (const char c : text.substr(0, 4)) {
        const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        const std::size_t digit = digits.find(lower);
        if (digit == std::string_view::npos)
            throw_bad_format();
        code = code << 4 | static_cast<std::uint32_t>(digit);
    }
    text.remove_prefix(4);
    return code;
}

/// Reads the JSON string at the front of `text`, which begins with a quote, and drops it.
std::string take_json_string(std::string_view& text)
{
    constexpr std::string_view escapes = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    std::string value;
    text.remove_prefix(1);
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c == '"')
            return value;
        if (static_cast<unsigned char>(c) < 0x20)
            break;
        if (c != '\\') {
            value += c;
            continue;
        }
        if (text.empty())
            break;
        const char escaped = text.front();
        text.remove_prefix(1);
        if (escaped == 'u') {
            append_utf8(value, take_hex(text));
            continue;
        }
        const std::size_t index = escapes.find(escaped);
        if (index == std::string_view::npos)
            break;
        value += meanings[index];
    }
    throw_bad_format();
}

std::vector<std::string> split_alternative_names(std::string_view text)
{
    std::vector<std::string> names;
    std::string current;
    while (!text.empty()) {
        const std::size_t separator = std::min(text.find(", "), text.size());
        const std::size_t quote = text.find('"');
        if (quote != std::string_view::npos && quote < separator) {
            current += text.substr(0, quote);
            text.remove_prefix(quote);
            current += take_json_string(text);
            continue;
        }
        current += text.substr(0, separator);
        if (separator == text.size())
            break;
        names.push_back(std::move(current));
        current.clear();
        text.remove_prefix(separator + 2);
    }
    names.push_back(std::move(current));
    return names;
}

/// The one spelling of an IP address; empty if `text` is none. A zone does not count.
std::string canonical_address(std::string_view text)
{
    if (!net::is_ip(text))
        return {};
    const std::string address(text.substr(0, text.find('%')));
    std::array<unsigned char, 16> bytes{};
    std::array<char, INET6_ADDRSTRLEN> canonical{};
    for (const int family : {AF_INET, AF_INET6}) {
        if (inet_pton(family, address.c_str(), bytes.data()) == 1)
            return inet_ntop(family, bytes.data(), canonical.data(), canonical.size());
    }
    return {};
}

std::string_view without_trailing_dot(std::string_view name)
{
    if (name.ends_with('.'))
        name.remove_suffix(1);
    return name;
}

std::vector<std::string> labels_of(std::string_view name)
{
    std::vector<std::string> labels(1);
    for (const char c : without_trailing_dot(name)) {
        if (c == '.')
            labels.emplace_back();
        else
            labels.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return labels;
}

bool is_usable_label(const std::string& label)
{
    return !label.empty() &&
           std::all_of(label.begin(), label.end(), [](unsigned char c) { return c > 0x20 && c < 0x80; });
}

bool name_matches(const std::vector<std::string>& host, std::string_view pattern_text)
{
    const std::vector<std::string> pattern = labels_of(pattern_text);
    if (pattern.size() != host.size() || !std::all_of(pattern.begin(), pattern.end(), is_usable_label))
        return false;
    if (!std::equal(pattern.begin() + 1, pattern.end(), host.begin() + 1))
        return false;
    const std::string& first = pattern.front();
    const std::size_t star = first.find('*');
    // Letters behind a wildcard may not be part of an encoded international label.
    if (star == std::string::npos || first.find("xn--") != std::string::npos)
        return first == host.front();
    if (first.find('*', star + 1) != std::string::npos || pattern.size() < 3)
        return false;
    const std::string_view prefix = std::string_view(first).substr(0, star);
    const std::string_view suffix = std::string_view(first).substr(star + 1);
    return prefix.size() + suffix.size() <= host.front().size() && host.front().starts_with(prefix) &&
           host.front().ends_with(suffix);
}

std::string joined(const std::vector<std::string>& items, std::string_view separator)
{
    std::string text;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i)
            text += separator;
        text += items[i];
    }
    return text;
}

struct certificate_names {
    std::vector<std::string> addresses;
    std::vector<std::string> dns;
    std::vector<std::string> common;
};

certificate_names names_of(const certificate& cert)
{
    constexpr std::string_view dns_prefix = "DNS:";
    constexpr std::string_view address_prefix = "IP Address:";
    certificate_names names;
    if (cert.subjectaltname)
        for (const std::string& name : split_alternative_names(*cert.subjectaltname)) {
            if (name.starts_with(dns_prefix))
                names.dns.push_back(name.substr(dns_prefix.size()));
            else if (name.starts_with(address_prefix))
                names.addresses.push_back(canonical_address(std::string_view(name).substr(address_prefix.size())));
        }
    if (cert.subject)
        for (const std::string_view value : cert.subject->all("CN"))
            names.common.emplace_back(value);
    return names;
}

std::optional<std::string> mismatch(const std::string& host, const certificate& cert)
{
    const certificate_names names = names_of(cert);
    if (const std::string address = canonical_address(host); !address.empty()) {
        if (std::find(names.addresses.begin(), names.addresses.end(), address) != names.addresses.end())
            return std::nullopt;
        return "IP: " + host + " is not in the cert's list: " + joined(names.addresses, ", ");
    }
    const std::vector<std::string>& patterns = names.dns.empty() ? names.common : names.dns;
    if (patterns.empty())
        return "Cert does not contain a DNS name";
    const std::vector<std::string> labels = labels_of(host);
    if (std::any_of(patterns.begin(), patterns.end(),
                    [&](const auto& pattern) { return name_matches(labels, pattern); }))
        return std::nullopt;
    if (names.dns.empty())
        return "Host: " + host + ". is not cert's CN: " + joined(names.common, ",");
    return "Host: " + host + ". is not in the cert's altnames: " + *cert.subjectaltname;
}

}  // namespace

std::optional<identity_error> check_server_identity(std::string_view hostname, const certificate& cert)
{
    std::string host(without_trailing_dot(hostname));
    std::optional<std::string> reason = mismatch(host, cert);
    if (!reason)
        return std::nullopt;
    return identity_error{error_name(errc::cert_altname_invalid), std::move(*reason), std::move(host)};
}

}  // namespace coil::tls
