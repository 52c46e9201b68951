#include "tools/coil/http_date.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace coil::command {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::sys_seconds first_second(std::chrono::sys_days(0y / 1 / 1));
constexpr std::chrono::sys_seconds last_second = std::chrono::sys_days(9999y / 12 / 31) + 24h - 1s;

}  // namespace

// strftime and strptime use the names of the locale, and this program never leaves the "C" locale.

std::string http_date(std::chrono::sys_seconds time)
{
    const std::time_t seconds = std::clamp(time, first_second, last_second).time_since_epoch().count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char form[64];  // with the year, which strftime would write without zeros in front
    std::snprintf(form, sizeof(form), "%%a, %%d %%b %04d %%H:%%M:%%S GMT", parts.tm_year + 1900);
    char text[64];
    return {text, std::strftime(text, sizeof(text), form, &parts)};
}

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text)
{
    constexpr std::array forms{"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};
    const std::string line(text);
    for (const char* form : forms) {
        std::tm parts{};
        const char* end = ::strptime(line.c_str(), form, &parts);
        if (end && *end == '\0')
            return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
    }
    return std::nullopt;
}

}  // namespace coil::command
