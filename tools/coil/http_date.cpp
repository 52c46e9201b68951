#include "tools/coil/http_date.hpp"

#include <array>
#include <ctime>

namespace coil::command {

// strftime and strptime use the names of the locale, and this program never leaves the "C" locale.

std::string http_date(std::chrono::system_clock::time_point time)
{
    const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text)
{
    constexpr std::array forms{"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};
    const std::string line(text);
    for (const char* form : forms) {
        std::tm parts{};
        const char* end = ::strptime(line.c_str(), form, &parts);
        if (end && *end == '\0')
            return std::chrono::system_clock::from_time_t(::timegm(&parts));
    }
    return std::nullopt;
}

}  // namespace coil::command
