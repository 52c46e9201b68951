#include "tools/coil/terminal.hpp"

#include "tools/coil/usage_error.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace coil::command {
namespace {

std::string_view code_of(colour wanted)
{
    switch (wanted) {
    case colour::none: return "0";
    case colour::bold: return "1";
    case colour::dim: return "2";
    case colour::red: return "31";
    case colour::green: return "32";
    case colour::yellow: return "33";
    }
    return "0";
}

bool shows_colours(int descriptor)
{
    const char* kind = std::getenv("TERM");
    const char* unwanted = std::getenv("NO_COLOR");
    return ::isatty(descriptor) == 1 && kind && std::string_view(kind) != "dumb" && (!unwanted || !*unwanted);
}

}  // namespace

terminal::terminal(int descriptor) : descriptor_(descriptor), has_colours_(shows_colours(descriptor)) {}

std::string terminal::paint(colour wanted, std::string_view text) const
{
    if (!has_colours_ || wanted == colour::none)
        return std::string(text);
    return "\033[" + std::string(code_of(wanted)) + "m" + std::string(text) + "\033[0m";
}

int terminal::write(std::string_view text) const noexcept
{
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor_, text.data(), text.size());
        if (written < 0 && errno != EINTR)
            return errno;
        if (written > 0)
            text.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

void terminal::print(std::string_view text) const
{
    const int error = write(text);
    if (error != 0 && error != EPIPE)  // a reader that has seen enough is none
        throw failure(std::string("standard output cannot be written: ") + std::strerror(error));
}

const terminal& terminal::output()
{
    static const terminal stream(STDOUT_FILENO);
    return stream;
}

const terminal& terminal::errors()
{
    static const terminal stream(STDERR_FILENO);
    return stream;
}

std::string printable(std::string_view text)
{
    std::string shown;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f && (byte < 0x80 || byte >= 0xa0)) {
            shown += c;
            continue;
        }
        char escaped[5];
        std::snprintf(escaped, sizeof(escaped), "\\x%02x", byte);
        shown += escaped;
    }
    return shown;
}

}  // namespace coil::command
