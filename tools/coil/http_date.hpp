#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace coil::command {

/// "Sun, 06 Nov 1994 08:49:37 GMT".   RFC 9110 §5.6.7.
std::string http_date(std::chrono::system_clock::time_point time);

/// Any of the three forms that a recipient has to understand; none if it is no date.   RFC 9110 §5.6.7.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);

}  // namespace coil::command
