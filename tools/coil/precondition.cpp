#include "tools/coil/precondition.hpp"

#include "tools/coil/http_date.hpp"

#include <optional>

namespace coil::command {
namespace {

/// Whether a list of entity tags, or "*", has `etag`. @param weak  whether a weak tag of the list may be it.
bool has_etag(std::string_view list, std::string_view etag, bool weak)
{
    if (list == "*")
        return true;
    std::size_t begin = 0;
    while ((begin = list.find_first_not_of(", \t", begin)) != list.npos) {
        const bool is_weak = list.substr(begin).starts_with("W/");
        const std::size_t open = begin + (is_weak ? 2 : 0);
        const std::size_t close = open < list.size() && list[open] == '"' ? list.find('"', open + 1) : list.npos;
        if (close == list.npos)
            return false;
        if ((weak || !is_weak) && list.substr(open, close + 1 - open) == etag)
            return true;
        begin = close + 1;
    }
    return false;
}

std::optional<std::chrono::sys_seconds> date_of(const http_request& request, std::string_view name)
{
    const std::optional<std::string> field = request.field(name);
    return field ? parse_http_date(*field) : std::nullopt;
}

}  // namespace

precondition evaluate_preconditions(const http_request& request, const validators& current)
{
    if (const std::optional<std::string> match = request.field("If-Match")) {
        if (!has_etag(*match, current.etag, false))
            return precondition::failed;
    } else if (const auto since = date_of(request, "If-Unmodified-Since")) {
        if (current.modified > *since)
            return precondition::failed;
    }
    if (const std::optional<std::string> match = request.field("If-None-Match")) {
        if (has_etag(*match, current.etag, true))
            return precondition::not_modified;
    } else if (const auto since = date_of(request, "If-Modified-Since")) {
        if (current.modified <= *since)
            return precondition::not_modified;
    }
    return precondition::none_failed;
}

bool range_applies(const http_request& request, const validators& current)
{
    const std::optional<std::string> condition = request.field("If-Range");
    if (!condition)
        return true;
    if (condition->starts_with('"') || condition->starts_with("W/"))
        return *condition == current.etag;
    return parse_http_date(*condition) == current.modified;
}

}  // namespace coil::command
