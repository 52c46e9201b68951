#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace bench {

enum class colour { none, bold, dim, red, green, yellow, cyan };

struct screen_size {
    std::size_t columns = 80;
    std::size_t lines = 24;
};

/// Where text for people goes, and what can be shown there.
struct screen {
    bool terminal = false;
    bool colours = false;
    /// Whether characters beyond ASCII are shown.
    bool unicode = false;
    std::function<screen_size()> size;
    std::function<void(std::string_view)> write;

    /// `text`, in `wanted` if there are colours.
    std::string paint(colour wanted, const std::string& text) const;
    /// Writes what can be shown of it.
    void show(std::string_view text) const;

    /// @param descriptor  1 or 2. The variables NO_COLOR, TERM and those of the locale are respected.
    static screen of(int descriptor);
};

}  // namespace bench
