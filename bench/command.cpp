#include "bench/command.hpp"

#include "bench/callers_path.hpp"
#include "bench/failure.hpp"
#include "bench/floor/floor.hpp"
#include "bench/load/load.hpp"
#include "bench/options.hpp"
#include "bench/process.hpp"
#include "bench/report/figures.hpp"
#include "bench/report/live_table.hpp"
#include "bench/report/subcommands.hpp"
#include "bench/run.hpp"
#include "bench/user_server.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

namespace bench {
namespace {

namespace po = boost::program_options;

/// What the commands beside the comparison take.
struct arguments {
    std::vector<std::string> words;
    po::variables_map options;
};

arguments parse_arguments(const std::vector<std::string>& words, const std::string& usage, std::size_t least,
                          std::size_t most)
{
    arguments parsed;
    po::options_description all;
    auto add = all.add_options();
    add("word", po::value(&parsed.words)->default_value({}, ""));
    add("threads", po::value<int>()->default_value(1));
    add("speaks", po::value<std::string>());
    add("rivals", po::value<std::string>());
    add("build", po::value<std::string>());
    try {
        po::positional_options_description positions;
        positions.add("word", -1);
        po::store(po::command_line_parser(std::vector(words.begin() + 1, words.end()))
                      .options(all)
                      .positional(positions)
                      .run(),
                  parsed.options);
        po::notify(parsed.options);
    } catch (const po::error& error) {
        throw usage_error(error.what());
    }
    if (parsed.words.size() < least || parsed.words.size() > most)
        throw usage_error("usage: bench " + usage);
    return parsed;
}

std::uint16_t to_port(std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65532)
        throw usage_error("PORT is not a number from 1 to 65532: " + std::string(text));
    return port;
}

/// Becomes a server that is a program of its own.
[[noreturn]] void become(system& chosen, const server_settings& settings)
{
    prepare(chosen, [](const std::string& line) { std::cerr << line << '\n'; });
    if (!chosen.missing.empty())
        throw failure(chosen.name + " cannot be had: " + chosen.missing);
    std::vector<std::string> command = chosen.command(settings);
    std::vector<char*> words;
    for (std::string& word : command)
        words.push_back(word.data());
    words.push_back(nullptr);
    std::signal(SIGPIPE, SIG_DFL);
    execvp(words.front(), words.data());
    throw system_failure("cannot start " + command.front());
}

int serve(const std::vector<std::string>& words)
{
    const arguments given = parse_arguments(
        words, "serve [SYSTEM] PORT CERTIFICATE KEY [--threads N] [--rivals FOLDER] [--build FOLDER]", 3, 4);
    const std::string name = given.words.size() == 4 ? given.words[0] : "coil";
    const std::size_t first = given.words.size() - 3;
    const server_settings settings{to_port(given.words[first]), std::filesystem::absolute(given.words[first + 1]),
                                   std::filesystem::absolute(given.words[first + 2]),
                                   to_threads(given.options["threads"].as<int>())};
    std::vector<system> known(systems().begin(), systems().end());
    if (given.options.count("rivals"))
        add_rivals(known, callers_path(given.options["rivals"].as<std::string>()),
                   given.options.count("build") ? callers_path(given.options["build"].as<std::string>()) : "");
    const auto chosen = std::ranges::find(known, name, &system::name);
    if (chosen == known.end() || chosen->kind == system_kind::memory_floor)
        throw usage_error("there is no server " + name);
    if (chosen->command)
        become(*chosen, settings);
    chosen->serve(settings);
    return 0;
}

/// Only the clients, against a server that somebody else started: for profilers.
int put_under_load(const std::vector<std::string>& words)
{
    const std::string usage = "load SCENARIO PORT CERTIFICATE SECONDS [--speaks PROTOCOL,...]";
    const arguments given = parse_arguments(words, usage, 4, 4);
    const scenario* const of = find_scenario(given.words[0]);
    const double seconds = std::strtod(given.words[3].c_str(), nullptr);
    if (!of || !(seconds > 0 && seconds <= 3600))
        throw usage_error("usage: bench " + usage);
    system server;
    if (given.options.count("speaks"))
        server.speaks = parse_protocols(given.options["speaks"].as<std::string>());
    const std::optional<protocol> spoken = protocol_of(of->kind, server);
    if (!spoken)
        throw usage_error(given.words[0] + " needs another protocol");
    const openssl_ptr<SSL_CTX> context = make_client_context(*of, given.words[2]);
    load clients(*of, {port_of(*spoken, to_port(given.words[1])), *spoken, context.get(), of});
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

/// Makes the servers ready that have to be, and names those that cannot be had.
void prepare_all(const run_options& options)
{
    const screen output = screen::of(STDERR_FILENO);
    for (system& one : *options.known) {
        if (!one.prepare || std::ranges::find(options.systems, &one) == options.systems.end())
            continue;
        const auto tell = [&](const std::string& line) {
            if (output.terminal)
                output.show("\r\033[K" +
                            cut(printable("preparing " + one.name + ": " + line), output.size().columns - 1));
        };
        tell("...");
        prepare(one, tell);
        if (output.terminal)
            output.show("\r\033[K");
        if (!one.missing.empty())
            output.show(printable(one.name + " cannot be had: " + one.missing) + "\n");
    }
}

int measure(const run_options& options)
{
    const report_files files{options.json_file, options.markdown_file, options.page_file};
    files.check();
    prepare_all(options);
    const summary found = [&] {
        live_table watcher(screen::of(STDERR_FILENO));
        return summarize(run(options, watcher));
    }();
    files.write(found);
    print_report(found);
    return found.complete ? 0 : 1;
}

int choose(int count, const char* const* words)
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

int run_command(int count, const char* const* words, std::vector<std::string> leading)
{
    std::signal(SIGPIPE, SIG_IGN);
    set_leading_words(std::move(leading));
    try {
        return choose(count, words);
    } catch (const usage_error& error) {
        std::cerr << "bench: " << error.what() << '\n';
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "bench: " << error.what() << '\n';
        return 1;
    }
}

}  // namespace bench
