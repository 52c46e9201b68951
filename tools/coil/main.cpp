#include <coil/tls/error.hpp>

#include "tools/coil/backend_choice.hpp"
#include "tools/coil/subcommands.hpp"
#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace coil::command {
namespace {

struct subcommand {
    std::string_view name;
    std::string_view summary;
    int (*run)(int count, char** arguments);
};

constexpr std::array subcommands{
    subcommand{"serve", "serve the files of a folder over HTTPS", serve},
    subcommand{"echo", "send back over TLS whatever arrives", echo},
    subcommand{"bench", "measure what TLS servers cost the processor, beside each other", bench},
    subcommand{"connect", "connect to a TLS server, show what was negotiated, pipe bytes", connect},
};

std::string help()
{
    const terminal& out = terminal::output();
    std::string text = out.paint(colour::bold, "usage: ") +
                       "coil COMMAND [OPTION]...\n\nTLS on io_uring, or on epoll where that is refused.\n\n";
    for (const subcommand& each : subcommands)
        text +=
            "  " + std::string(each.name) + std::string(10 - each.name.size(), ' ') + std::string(each.summary) + "\n";
    return text +
           "\n`coil COMMAND --help` shows the options of a command. `coil --version` shows the version and the "
           "backend.\n\n" +
           out.paint(colour::bold, "Examples:") +
           "\n"
           "  coil serve .                           # this folder at https://127.0.0.1:8443/\n"
           "  coil serve --threads 4 --host :: --cert chain.pem --key key.pem /srv/files\n"
           "  coil echo --port 7007\n"
           "  coil connect example.com:443           # who is there, and may it be trusted?\n"
           "  printf 'hello' | coil connect --insecure --half-close localhost:7007\n"
           "  coil bench --quick                     # coil, Boost.Asio and the floor\n"
           "\n"
           "Exit status: 0 when all went well, 1 when the network or the peer failed, 2 for a mistake in the call.\n";
}

/// The first line is the same everywhere; the other says what this machine makes of it.
std::string version()
{
    return "coil 0.1.0\nbackend: " + describe_backend() + "\n";
}

/// @param name  of the subcommand, or empty.
int complain(std::string_view name, std::string_view what, int status)
{
    const terminal& err = terminal::errors();
    std::string line = "coil";
    if (!name.empty())
        line += " " + std::string(name);
    err.write(err.paint(colour::red, line + ":") + " " + printable(what) + "\n");
    return status;
}

int show(std::string_view text)
{
    try {
        terminal::output().print(text);
        return 0;
    } catch (const failure& error) {
        return complain("", error.what(), 1);
    }
}

/// What helps against it, where the text leaves that open.
std::string cure_of(std::string_view what)
{
    const bool no_descriptor = what.find(std::generic_category().message(EMFILE)) != what.npos;
    return no_descriptor && what.find("ulimit") == what.npos ? "; a higher limit on descriptors helps (ulimit -n)" : "";
}

int run(const subcommand& chosen, int count, char** arguments)
{
    try {
        return chosen.run(count, arguments);
    } catch (const failure& error) {
        return complain(chosen.name, error.what(), 1);
    } catch (const tls::error& error) {
        return complain(chosen.name, std::string(error.what()) + " (" + error.code() + ")", 2);
    } catch (const std::exception& error) {
        return complain(chosen.name, error.what() + cure_of(error.what()), 2);
    }
}

/// What is opened first would otherwise get the number of a standard stream that the caller closed, and then be read or
/// printed to. The lowest free number is given, so they are opened in order.
void open_standard_streams() noexcept
{
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number)
        if (::fcntl(number, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != number)
            std::abort();
}

int run(int count, char** arguments)
{
    const std::string_view name = count > 1 ? arguments[1] : "";
    if (name == "--help" || name == "-h" || name == "help")
        return show(help());
    if (name == "--version")
        return show(version());
    for (const subcommand& each : subcommands)
        if (each.name == name)
            return run(each, count - 1, arguments + 1);  // the parser skips the first, which is the name
    const std::string what = name.empty() ? "a command is missing" : "unknown command \"" + std::string(name) + "\"";
    return complain("", what + " (coil --help lists them)", 2);
}

}  // namespace
}  // namespace coil::command

int main(int count, char** arguments)
{
    coil::command::open_standard_streams();
    std::signal(SIGPIPE, SIG_IGN);  // a pipe that nobody reads is an error like others
    return coil::command::run(count, arguments);
}
