#include <coil/tls/certificate.hpp>

namespace coil::tls {

std::vector<std::string_view> distinguished_name::all(std::string_view name) const
{
    std::vector<std::string_view> values;
    for (const entry& candidate : entries_)
        if (candidate.first == name)
            values.push_back(candidate.second);
    return values;
}

std::optional<std::string_view> distinguished_name::get(std::string_view name) const
{
    for (const entry& candidate : entries_)
        if (candidate.first == name)
            return candidate.second;
    return std::nullopt;
}

std::string distinguished_name::text() const
{
    std::string line;
    for (const entry& attribute : entries_) {
        if (!line.empty())
            line += ", ";
        line += attribute.first + "=" + attribute.second;
    }
    return line;
}

}  // namespace coil::tls
