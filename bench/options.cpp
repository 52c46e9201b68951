#include "bench/options.hpp"

#include "bench/failure.hpp"
#include "bench/rival.hpp"
#include "bench/user_server.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>

namespace bench {
namespace {

namespace po = boost::program_options;

po::options_description describe_options()
{
    po::options_description all("options");
    auto add = all.add_options();
    add("help,h", "this text");
    add("quick", "3 short rounds of coil, asio and the floor: a first impression in under 90 seconds");
    add("rounds", po::value<int>(), "rounds of each measurement (5)");
    add("seconds", po::value<double>(), "length of one measurement (0.7)");
    add("scenario", po::value<std::vector<std::string>>()->composing(), "only this one; may be given several times");
    add("system", po::value<std::vector<std::string>>()->composing(),
        "only this one and the floor; may be given several times");
    add("rivals", po::value<std::string>(), "measure the servers in this folder too");
    add("build", po::value<std::string>(), "where they are built (~/.cache/coil-bench)");
    add("server", po::value<std::vector<std::string>>()->composing(),
        "NAME=COMMAND: measure this server too; {port} (and {port+1}, {port+2}, {port+3}), {certificate}, {key} and "
        "{threads} "
        "in the command stand for what it is told; may be given several times");
    add("speaks", po::value<std::string>(),
        "of echo,download,upload,http those that servers given with --server speak; without it they are started once "
        "to find "
        "out");
    add("threads", po::value<int>(), "of each server under test (1)");
    add("json", po::value<std::string>(), "write everything that was measured to this file");
    add("markdown", po::value<std::string>(), "write the table to this file");
    return all;
}

void print_help(const po::options_description& described)
{
    std::cout << "usage: bench [options]\n"
                 "       bench serve [SYSTEM] PORT CERTIFICATE KEY [--threads N]\n"
                 "                                              only the server (coil), on PORT and the next three\n"
                 "       bench load SCENARIO PORT CERTIFICATE SECONDS   only the clients\n\n"
                 "Measures what TLS servers cost the processor for each operation, beside the floor: OpenSSL's own\n"
                 "work and the kernel's own work. Exit code 1: something was left out or failed.\n\n"
              << described << "\nscenarios:";
    for (const scenario& one : scenarios())
        std::cout << ' ' << one.name;
    std::cout << "\nsystems:\n";
    for (const system& one : systems())
        std::cout << "  " << one.name << std::string(12 - one.name.size(), ' ') << one.description << '\n';
}

/// `bazel run` changes the folder; a path on the command line means the caller's.
std::string callers_path(const std::string& path)
{
    const char* const folder = std::getenv("BUILD_WORKING_DIRECTORY");
    return folder ? (std::filesystem::path(folder) / path).string() : path;
}

void add(std::vector<system>& known, system one)
{
    if (std::ranges::find(known, one.name, &system::name) != known.end())
        throw usage_error("there are two systems named " + one.name);
    known.push_back(std::move(one));
}

void choose_known(const po::variables_map& given, run_options& options)
{
    options.known = std::make_shared<std::vector<system>>(systems().begin(), systems().end());
    if (given.count("rivals"))
        add_rivals(*options.known, callers_path(given["rivals"].as<std::string>()), build_folder(given));
    std::optional<protocol_set> speaks;
    try {
        if (given.count("speaks"))
            speaks = parse_protocols(given["speaks"].as<std::string>());
        if (given.count("server"))
            for (const std::string& definition : given["server"].as<std::vector<std::string>>())
                add(*options.known, make_user_server(definition, speaks));
    } catch (const failure& error) {
        throw usage_error(error.what());
    }
}

void choose(const po::variables_map& given, run_options& options)
{
    choose_known(given, options);
    if (given.count("scenario")) {
        for (const std::string& name : given["scenario"].as<std::vector<std::string>>()) {
            options.scenarios.push_back(find_scenario(name));
            if (!options.scenarios.back())
                throw usage_error("there is no scenario " + name);
        }
    } else {
        for (const scenario& one : scenarios())
            options.scenarios.push_back(&one);
    }
    std::vector<std::string> wanted;
    if (given.count("system"))
        wanted = given["system"].as<std::vector<std::string>>();
    else if (given.count("quick"))
        wanted = {"coil", "asio"};
    for (const std::string& name : wanted)
        if (std::ranges::find(*options.known, name, &system::name) == options.known->end())
            throw usage_error("there is no system " + name);
    if (given.count("server") && !given.count("system"))
        for (const std::string& definition : given["server"].as<std::vector<std::string>>())
            wanted.push_back(definition.substr(0, definition.find('=')));
    for (const system& one : *options.known)
        if (wanted.empty() || one.kind != system_kind::server || std::ranges::find(wanted, one.name) != wanted.end())
            options.systems.push_back(&one);
}

}  // namespace

unsigned to_threads(int given)
{
    if (given < 1 || given > 256)
        throw usage_error("--threads is not from 1 to 256");
    return static_cast<unsigned>(given);
}

std::string build_folder(const po::variables_map& given)
{
    if (given.count("build"))
        return callers_path(given["build"].as<std::string>());
    if (const char* const cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
        return std::string(cache) + "/coil-bench";
    if (const char* const home = std::getenv("HOME"); home && *home)
        return std::string(home) + "/.cache/coil-bench";
    throw usage_error("--build is needed where there is no HOME");
}

void add_rivals(std::vector<system>& known, const std::string& folder, const std::string& build_folder)
{
    try {
        for (system& one : find_rivals(folder, build_folder))
            add(known, std::move(one));
    } catch (const failure& error) {
        throw usage_error(error.what());
    }
}

std::optional<run_options> parse_options(int count, const char* const* words)
{
    const po::options_description described = describe_options();
    po::variables_map given;
    try {
        po::store(po::command_line_parser(count, words).options(described).positional({}).run(), given);
    } catch (const po::error& error) {
        throw usage_error(error.what());
    }
    if (given.count("help")) {
        print_help(described);
        return std::nullopt;
    }
    run_options options;
    if (given.count("quick")) {
        options.rounds = 3;
        options.duration = std::chrono::milliseconds(350);
    }
    if (given.count("rounds")) {
        const int rounds = given["rounds"].as<int>();
        if (rounds < 1 || rounds > 1000)
            throw usage_error("--rounds is not from 1 to 1000");
        options.rounds = static_cast<unsigned>(rounds);
    }
    if (given.count("seconds")) {
        const double seconds = given["seconds"].as<double>();
        if (!(seconds >= 0.05 && seconds <= 600))
            throw usage_error("--seconds is not from 0.05 to 600");
        options.duration = std::chrono::nanoseconds(std::llround(seconds * 1e9));
    }
    if (given.count("threads"))
        options.threads = to_threads(given["threads"].as<int>());
    if (given.count("json"))
        options.json_file = callers_path(given["json"].as<std::string>());
    if (given.count("markdown"))
        options.markdown_file = callers_path(given["markdown"].as<std::string>());
    choose(given, options);
    return options;
}

}  // namespace bench
