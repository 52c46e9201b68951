#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace coil::command {

/// "Sun, 06 Nov 1994 08:49:37 GMT". The form has room for the years 0 to 9999; what lies outside becomes the nearest
/// second in them.   RFC 9110 §5.6.7.
std::string http_date(std::chrono::sys_seconds time);

/// Any of the three forms that a recipient has to understand; none if it is no date. In whole seconds, since the clock of
/// the system, which counts smaller ones, ends in the year 2262.   RFC 9110 §5.6.7.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

}  // namespace coil::command
