#include "tools/coil/byte_range.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

namespace coil::command {
namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

struct interval {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

/// Digits alone; what is too large counts as the largest number.
std::optional<std::uint64_t> parse_position(std::string_view digits)
{
    std::uint64_t number = 0;
    if (digits.empty())
        return std::nullopt;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9')
            return std::nullopt;
        const auto value = static_cast<std::uint64_t>(digit - '0');
        number = number > (largest - value) / 10 ? largest : number * 10 + value;
    }
    return number;
}

bool is_bytes_unit(std::string_view name)
{
    constexpr std::string_view bytes = "bytes";
    return std::ranges::equal(name, bytes, [](char a, char b) { return (a | 0x20) == b; });
}

/// Adds the interval of one range-spec if it exists in the file. @return false if it is malformed.
bool add_range(std::string_view spec, std::uint64_t size, std::vector<interval>& found)
{
    const std::size_t dash = spec.find('-');
    if (dash == std::string_view::npos)
        return false;
    const std::optional<std::uint64_t> last = parse_position(spec.substr(dash + 1));
    if (dash == 0) {
        if (last && *last > 0 && size > 0)
            found.push_back({.first = size - std::min(*last, size), .last = size - 1});
        return last.has_value();
    }
    const std::optional<std::uint64_t> first = parse_position(spec.substr(0, dash));
    const bool open_end = dash + 1 == spec.size();
    if (!first || (!last && !open_end) || (last && *last < *first))
        return false;
    if (*first < size)
        found.push_back({.first = *first, .last = std::min(last.value_or(largest), size - 1)});
    return true;
}

/// One interval if all of them form one without a gap.
std::optional<interval> joined(std::vector<interval> parts)
{
    std::ranges::sort(parts, {}, &interval::first);
    interval all = parts.front();
    for (const interval& part : parts) {
        if (part.first > all.last && part.first - all.last > 1)
            return std::nullopt;
        all.last = std::max(all.last, part.last);
    }
    return all;
}

}  // namespace

byte_range parse_range(std::string_view field, std::uint64_t size)
{
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos || !is_bytes_unit(trimmed(field.substr(0, equals))))
        return {};
    std::string_view list = field.substr(equals + 1);
    std::vector<interval> found;
    bool any = false;
    bool suffix_of_nothing = false;
    for (;;) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view spec = trimmed(list.substr(0, comma));
        if (!spec.empty() && !add_range(spec, size, found))
            return {};
        any = any || !spec.empty();
        suffix_of_nothing =
            suffix_of_nothing || (size == 0 && spec.starts_with('-') && spec.find_first_not_of("-0") != spec.npos);
        if (comma == list.size())
            break;
        list.remove_prefix(comma + 1);
    }
    if (!any || suffix_of_nothing)
        return {};  // the last bytes of an empty file are the whole of it, which no Content-Range can say
    if (found.empty())
        return {.kind = byte_range::kind::unsatisfiable};
    const std::optional<interval> one = joined(std::move(found));
    if (!one)
        return {};
    return {.kind = byte_range::kind::part, .first = one->first, .last = one->last};
}

}  // namespace coil::command
