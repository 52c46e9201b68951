#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bench {

/// Figures for people, of about three digits and with their units.
std::string duration_text(double nanoseconds);
std::string bytes_text(double bytes);
std::string count_text(double count);
std::string ratio_text(double ratio);
/// 80 s as "1 min 20 s".
std::string seconds_text(double seconds);

/// `text` with everything that could steer a terminal or begin a new line written as \xNN.
std::string printable(std::string_view text);
/// How many columns of a terminal it takes.
std::size_t width_of(std::string_view text) noexcept;
/// The first columns of it.
std::string cut(std::string_view text, std::size_t width);
/// With the few characters that reports use beyond ASCII written in ASCII; others become '?'.
std::string to_ascii(std::string_view text);

}  // namespace bench
