#include "bench/report/screen.hpp"

#include "bench/report/figures.hpp"

#include <cerrno>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

namespace bench {
namespace {

std::string_view variable(const char* name)
{
    const char* const value = std::getenv(name);
    return value ? value : "";
}

bool knows_unicode()
{
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const std::string_view locale = variable(name);
        if (!locale.empty())
            return locale.find("UTF-8") != locale.npos || locale.find("utf8") != locale.npos;
    }
    return false;
}

screen_size size_of(int descriptor)
{
    winsize found{};
    if (ioctl(descriptor, TIOCGWINSZ, &found) != 0 || found.ws_col == 0 || found.ws_row == 0)
        return {};
    return {found.ws_col, found.ws_row};
}

void write_all(int descriptor, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno != EINTR)
            return;  // there is nowhere to tell
        if (written > 0)
            text.remove_prefix(static_cast<std::size_t>(written));
    }
}

std::string_view code_of(colour wanted)
{
    switch (wanted) {
    case colour::none: break;
    case colour::bold: return "1";
    case colour::dim: return "2";
    case colour::red: return "31";
    case colour::green: return "32";
    case colour::yellow: return "33";
    case colour::cyan: return "36";
    }
    return "0";
}

}  // namespace

std::string screen::paint(colour wanted, const std::string& text) const
{
    if (!colours || wanted == colour::none || text.empty())
        return text;
    return "\033[" + std::string(code_of(wanted)) + "m" + text + "\033[0m";
}

void screen::show(std::string_view text) const
{
    write(unicode ? std::string(text) : to_ascii(text));
}

screen screen::of(int descriptor)
{
    screen made;
    const std::string_view kind = variable("TERM");
    made.terminal = isatty(descriptor) == 1 && !kind.empty() && kind != "dumb";
    made.colours = made.terminal && variable("NO_COLOR").empty();
    made.unicode = knows_unicode();
    made.size = [descriptor] { return size_of(descriptor); };
    made.write = [descriptor](std::string_view text) { write_all(descriptor, text); };
    return made;
}

}  // namespace bench
