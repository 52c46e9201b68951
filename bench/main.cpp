#include "bench/failure.hpp"
#include "bench/floor/floor.hpp"
#include "bench/load/load.hpp"
#include "bench/options.hpp"
#include "bench/report/live_table.hpp"
#include "bench/report/subcommands.hpp"
#include "bench/run.hpp"

#include <charconv>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace bench {
namespace {

std::uint16_t to_port(std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65532)
        throw usage_error("PORT is not a number from 1 to 65532: " + std::string(text));
    return port;
}

int serve(const std::vector<std::string>& words)
{
    if (words.size() != 5)
        throw usage_error("usage: bench serve SYSTEM PORT CERTIFICATE KEY");
    const system* const chosen = find_system(words[1]);
    if (!chosen || !chosen->serve)
        throw usage_error("there is no server " + words[1]);
    chosen->serve({to_port(words[2]), words[3], words[4]});
    return 1;  // servers end by a signal
}

/// Only the clients, against a server that somebody else started: for profilers.
int put_under_load(const std::vector<std::string>& words)
{
    const scenario* const of = words.size() == 5 ? find_scenario(words[1]) : nullptr;
    const double seconds = of ? std::strtod(words[4].c_str(), nullptr) : 0;
    if (!of || !(seconds > 0 && seconds <= 3600))
        throw usage_error("usage: bench load SCENARIO PORT CERTIFICATE SECONDS");
    const openssl_ptr<SSL_CTX> context = make_client_context(*of, words[3]);
    load clients(*of, to_port(words[2]), context.get());
    clients.open();
    const double done = clients.done();
    clients.run(std::chrono::nanoseconds(std::llround(seconds * 1e9)));
    std::printf("%.0f %s\n", clients.done() - done, std::string(of->operation).c_str());
    return 0;
}

/// For the run itself, which wants the floor in a process of its own.
int print_floor(const std::vector<std::string>& words)
{
    const scenario* const found = words.size() == 6 ? find_scenario(words[1]) : nullptr;
    if (!found)
        throw usage_error("usage: bench floor SCENARIO CONNECTIONS NANOSECONDS CERTIFICATE KEY");
    const scenario& of = with_connections(*found, static_cast<unsigned>(std::stoul(words[2])));
    std::printf("%.6f\n", measure_floor(of, std::chrono::nanoseconds(std::stoll(words[3])), words[4], words[5]));
    return 0;
}

int measure(const run_options& options)
{
    const report_files files{options.json_file, options.markdown_file, options.page_file};
    files.check();
    const summary found = [&] {
        live_table watcher(screen::of(STDERR_FILENO));
        return summarize(run(options, watcher));
    }();
    files.write(found);
    print_report(found);
    return found.complete ? 0 : 1;
}

int run_command(int count, const char* const* words)
{
    const std::vector<std::string> arguments(words + 1, words + count);
    if (!arguments.empty() && arguments[0] == "serve")
        return serve(arguments);
    if (!arguments.empty() && arguments[0] == "floor")
        return print_floor(arguments);
    if (!arguments.empty() && arguments[0] == "load")
        return put_under_load(arguments);
    if (!arguments.empty() && arguments[0] == "report")
        return report_again(arguments);
    if (!arguments.empty() && arguments[0] == "compare")
        return compare_files(arguments);
    const std::optional<run_options> options = parse_options(count, words);
    return options ? measure(*options) : 0;
}

}  // namespace
}  // namespace bench

int main(int count, char** words)
{
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return bench::run_command(count, words);
    } catch (const bench::usage_error& error) {
        std::cerr << "bench: " << error.what() << '\n';
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "bench: " << error.what() << '\n';
        return 1;
    }
}
