#include "tools/coil/request_path.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace coil::command {
namespace {

std::optional<unsigned> hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return std::nullopt;
}

std::optional<std::string> decoded(std::string_view segment)
{
    std::string text;
    for (std::size_t i = 0; i < segment.size(); ++i) {
        if (segment[i] != '%') {
            text += segment[i];
            continue;
        }
        if (segment.size() - i < 3)
            return std::nullopt;
        const std::optional<unsigned> high = hex_digit(segment[i + 1]);
        const std::optional<unsigned> low = hex_digit(segment[i + 2]);
        if (!high || !low)
            return std::nullopt;
        text += static_cast<char>(*high * 16 + *low);
        i += 2;
    }
    return text;
}

std::string encoded(std::string_view segment)
{
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=@";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    for (const char c : segment) {
        const auto byte = static_cast<unsigned char>(c);
        if (plain.find(c) != plain.npos) {
            text += c;
            continue;
        }
        text += '%';
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

/// What follows the host of an absolute form; the target itself where it is none.
std::string_view without_origin(std::string_view target)
{
    const auto is_scheme = [target](std::string_view scheme) {
        return target.size() >= scheme.size() &&
               std::ranges::equal(target.substr(0, scheme.size()), scheme,
                                  [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
    };
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (!is_scheme(scheme))
            continue;
        const std::size_t path = target.find_first_of("/?", scheme.size());
        return path == target.npos ? "/" : target.substr(path);
    }
    return target;
}

}  // namespace

request_path parse_request_path(std::string_view target)
{
    request_path path;
    target = without_origin(target);
    const std::size_t question = std::min(target.find('?'), target.size());
    path.query = target.substr(question);
    std::string_view rest = target.substr(0, question);
    if (!rest.starts_with('/'))
        return path;
    std::vector<std::string> segments;
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::size_t end = std::min(rest.find('/'), rest.size());
        const std::optional<std::string> name = decoded(rest.substr(0, end));
        rest.remove_prefix(end);
        if (!name || name->find('\0') != name->npos)
            return path;
        path.is_folder = name->empty() || *name == "." || *name == "..";
        if (*name == "..") {
            if (segments.empty()) {
                path.kind = request_path::kind::outside;
                return path;
            }
            segments.pop_back();
        } else if (!path.is_folder) {
            segments.push_back(*name);
        }
    }
    path.kind = request_path::kind::names;
    path.as_folder = "/";
    for (const std::string& name : segments) {
        if (name.find('/') != name.npos)
            path.kind = request_path::kind::nothing;  // a slash that was hidden by encoding
        path.relative += (path.relative.empty() ? "" : "/") + name;
        path.as_folder += encoded(name) + "/";
    }
    return path;
}

}  // namespace coil::command
