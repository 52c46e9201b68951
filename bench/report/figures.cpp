#include "bench/report/figures.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace bench {
namespace {

/// With as many decimals as make three digits.
std::string three_digits(double value, std::string_view unit)
{
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return unit.empty() ? text : std::string(text) + " " + std::string(unit);
}

bool begins_character(char c) noexcept
{
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

}  // namespace

std::string duration_text(double nanoseconds)
{
    constexpr std::array<std::string_view, 4> units{"ns", "µs", "ms", "s"};
    std::size_t unit = 0;
    while (unit + 1 < units.size() && nanoseconds >= 999.5) {
        nanoseconds /= 1000;
        ++unit;
    }
    return three_digits(nanoseconds, units[unit]);
}

std::string bytes_text(double bytes)
{
    const double kibibytes = bytes / 1024;
    return std::abs(kibibytes) < 1000 ? three_digits(kibibytes, "KiB") : three_digits(kibibytes / 1024, "MiB");
}

std::string count_text(double count)
{
    if (count < 999.5)
        return three_digits(count, "");
    return count < 999'500 ? three_digits(count / 1000, "k") : three_digits(count / 1e6, "M");
}

std::string ratio_text(double ratio)
{
    char text[64];
    std::snprintf(text, sizeof text, ratio < 99.995 ? "%.2f" : "%.0f", ratio);
    return text;
}

std::string seconds_text(double seconds)
{
    const auto whole = static_cast<long>(std::ceil(std::max(seconds, 0.0)));
    if (whole < 60)
        return std::to_string(whole) + " s";
    return std::to_string(whole / 60) + " min" + (whole < 600 ? " " + std::to_string(whole % 60) + " s" : "");
}

std::string printable(std::string_view text)
{
    std::string shown;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool second_of_control =  // U+0080 to U+009F in UTF-8
            byte >= 0x80 && byte < 0xa0 && i > 0 && static_cast<unsigned char>(text[i - 1]) == 0xc2;
        if (byte >= 0x20 && byte != 0x7f && !second_of_control) {
            shown += text[i];
            continue;
        }
        char escaped[5];
        std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
        shown += escaped;
    }
    return shown;
}

std::size_t width_of(std::string_view text) noexcept
{
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

std::string cut(std::string_view text, std::size_t width)
{
    std::size_t end = 0;
    for (; end < text.size(); ++end)
        if (begins_character(text[end]) && width-- == 0)
            break;
    return std::string(text.substr(0, end));
}

std::string to_ascii(std::string_view text)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> known{
        {{"µ", "u"}, {"█", "#"}, {"░", "."}, {"─", "-"}, {"·", ","}, {"→", "to"}, {"×", "x"}, {"–", "-"}}};
    std::string plain;
    while (!text.empty()) {
        if (static_cast<unsigned char>(text[0]) < 0x80) {
            plain += text[0];
            text.remove_prefix(1);
            continue;
        }
        const auto found = std::ranges::find_if(known, [&](const auto& pair) { return text.starts_with(pair.first); });
        plain += found == known.end() ? "?" : found->second;
        text.remove_prefix(1);
        while (!text.empty() && !begins_character(text[0]))
            text.remove_prefix(1);
    }
    return plain;
}

}  // namespace bench
