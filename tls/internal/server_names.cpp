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

/// As it is compared: small letters, no trailing dot.
std::string folded(std::string_view name)
{
    std::string key(without_trailing_dot(name));
    std::transform(key.begin(), key.end(), key.begin(), lower);
    return key;
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
    const std::string key = folded(pattern);
    const entry added{std::move(context), ++added_};
    const std::size_t star = key.rfind('*');
    if (star == std::string::npos) {
        names_.insert_or_assign(key, added);
    } else if (star == 0 && key.size() > 1 && key[1] == '.') {
        below_.insert_or_assign(key.substr(1), added);
    } else {
        std::erase_if(others_, [&key](const pattern_entry& old) { return old.pattern == key; });
        others_.push_back({key, added});
    }
}

secure_context server_names::find(std::string_view name) const
{
    const std::string key = folded(name);
    const entry* newest = nullptr;
    const auto consider = [&newest](const auto& table, const std::string& text) {
        const auto found = table.find(text);
        if (found != table.end() && (!newest || found->second.order > newest->order))
            newest = &found->second;
    };
    consider(names_, key);
    if (const std::size_t dot = key.find('.'); dot != std::string::npos)
        consider(below_, key.substr(dot));
    const auto other = std::find_if(others_.rbegin(), others_.rend(), [&key](const pattern_entry& candidate) {
        return server_name_matches(candidate.pattern, key);
    });
    if (other != others_.rend() && (!newest || other->value.order > newest->order))
        newest = &other->value;
    return newest ? newest->context : secure_context();
}

}  // namespace coil::tls::internal
