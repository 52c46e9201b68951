#include "bench/command.hpp"

#include "bench/failure.hpp"
#include "bench/floor/floor.hpp"
#include "bench/load/load.hpp"
#include "bench/options.hpp"
#include "bench/process.hpp"
#include "bench/report.hpp"
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
#include <fstream>
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
    const arguments given =
        parse_arguments(words, "serve [SYSTEM] PORT CERTIFICATE KEY [--threads N] [--rivals FOLDER]", 3, 4);
    const std::string name = given.words.size() == 4 ? given.words[0] : "coil";
    const std::size_t first = given.words.size() - 3;
    const server_settings settings{to_port(given.words[first]), std::filesystem::absolute(given.words[first + 1]),
                                   std::filesystem::absolute(given.words[first + 2]),
                                   to_threads(given.options["threads"].as<int>())};
    std::vector<system> known(systems().begin(), systems().end());
    if (given.options.count("rivals"))
        add_rivals(known, given.options["rivals"].as<std::string>(), build_folder(given.options));
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
    const openssl_ptr<SSL_CTX> context = make_client_context(given.words[2]);
    load clients(*of, {port_of(*spoken, to_port(given.words[1])), *spoken, context.get()});
    clients.open(std::chrono::seconds(60));
    const double done = clients.done();
    clients.run(std::chrono::nanoseconds(std::llround(seconds * 1e9)));
    std::printf("%.0f %s\n", clients.done() - done, std::string(of->operation).c_str());
    return 0;
}

/// For the run itself, which wants the floor in a process of its own.
int print_floor(const std::vector<std::string>& words)
{
    const scenario* const of = words.size() == 5 ? find_scenario(words[1]) : nullptr;
    if (!of)
        throw usage_error("usage: bench floor SCENARIO NANOSECONDS CERTIFICATE KEY");
    std::printf("%.6f\n", measure_floor(*of, std::chrono::nanoseconds(std::stoll(words[2])), words[3], words[4]));
    return 0;
}

/// Opens it before the run, so that a bad path is not found out after minutes.
std::ofstream create(const std::string& path)
{
    std::ofstream file;
    if (!path.empty()) {
        file.open(path);
        if (!file)
            throw usage_error("cannot write " + path);
    }
    return file;
}

/// Makes the servers ready that have to be, and names those that cannot be had.
void prepare_all(const run_options& options)
{
    const bool terminal = isatty(STDERR_FILENO) == 1;
    for (system& one : *options.known) {
        if (!one.prepare || std::ranges::find(options.systems, &one) == options.systems.end())
            continue;
        const auto tell = [&](const std::string& line) {
            if (terminal)
                std::fprintf(stderr, "\r\033[Kpreparing %s: %.60s", one.name.c_str(), line.c_str());
        };
        tell("...");
        prepare(one, tell);
        if (terminal)
            std::fputs("\r\033[K", stderr);
        if (!one.missing.empty())
            std::fprintf(stderr, "%s cannot be had: %s\n", one.name.c_str(), one.missing.c_str());
    }
}

int compare(const run_options& options)
{
    std::ofstream json = create(options.json_file);
    std::ofstream markdown = create(options.markdown_file);
    prepare_all(options);
    const auto show = [](const results& all, const scenario_result& row) {
        if (all.scenarios.size() == 1) {
            std::cout << describe_machine() << '\n' << describe_method(all) << '\n';
            if (!all.where.complaint.empty())
                std::cout << all.where.complaint << '\n';
        }
        std::cout << to_text(row) << std::flush;
    };
    const results all = run(options, show);
    if (json.is_open())
        json << to_json(all);
    if (markdown.is_open())
        markdown << to_markdown(all);
    if (!all.complete())
        std::cout << "\nSomething was left out; see above.\n";
    return all.complete() ? 0 : 1;
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
    const std::optional<run_options> options = parse_options(count, words);
    return options ? compare(*options) : 0;
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
