#pragma once

#include <string>
#include <string_view>

namespace coil::command {

enum class colour { none, bold, dim, red, green, yellow };

/// One of the standard streams. Colours appear only where it is a terminal that knows them.
class terminal {
public:
    /// @param descriptor  1 or 2.
    explicit terminal(int descriptor);

    /// `text`, in `wanted` if the terminal shows colours.
    std::string paint(colour wanted, std::string_view text) const;
    /// Writes all of `text`. What cannot be written is dropped: there is nowhere to tell.
    /// @return 0, or what the system said of it.
    int write(std::string_view text) const noexcept;

    /// Writes all of `text`, which is what the command was asked for. Throws: `failure` where it cannot be written.
    void print(std::string_view text) const;

    static const terminal& output();
    static const terminal& errors();

private:
    int descriptor_;
    bool has_colours_;
};

/// `text` with everything that could steer a terminal or begin a new line written as \xNN.
std::string printable(std::string_view text);

}  // namespace coil::command
