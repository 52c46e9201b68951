#include <coil/tls/internal/server_names.hpp>

#include <coil/tls/internal/openssl.hpp>

#include <algorithm>

namespace coil::tls::internal {
namespace {

char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view without_trailing_dot(std::string_view name) noexcept
{
    if (name.ends_with('.'))
        name.remove_suffix(1);
    return name;
}

}  // namespace

bool server_name_matches(std::string_view pattern, std::string_view name) noexcept
{
    pattern = without_trailing_dot(pattern);
    name = without_trailing_dot(name);
    std::size_t p = 0;
    std::size_t n = 0;
    // Where to go on after the newest star takes one character more.
    std::size_t star = std::string_view::npos;
    std::size_t taken = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = n;
        } else if (p < pattern.size() && lower(pattern[p]) == lower(name[n])) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos && name[taken] != '.') {
            p = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

void server_names::add(std::string_view pattern, secure_context context)
{
    if (pattern.empty())
        throw argument_error("ERR_TLS_REQUIRED_SERVER_NAME", "a context is added for a server name, which is missing");
    entries_.push_back({std::string(pattern), std::move(context)});
}

secure_context server_names::find(std::string_view name) const
{
    const auto newest = std::find_if(entries_.rbegin(), entries_.rend(), [name](const entry& candidate) {
        return server_name_matches(candidate.pattern, name);
    });
    return newest == entries_.rend() ? secure_context() : newest->context;
}

}  // namespace coil::tls::internal
