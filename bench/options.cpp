#include "bench/options.hpp"

#include "bench/failure.hpp"
#include "bench/given_options.hpp"
#include "bench/rival.hpp"
#include "bench/user_server.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>

namespace bench {
namespace {

namespace po = boost::program_options;

po::options_description describe_options()
{
    po::options_description all("options");
    auto add = all.add_options();
    add("help,h", "this text");
    add("quick", "3 rounds of some scenarios with coil, asio and the floor: a first table in under 3 minutes");
    add("rounds", po::value<int>(), "rounds of each measurement (4)");
    add("seconds", po::value<double>(), "length of one measurement (0.5)");
    add("connections", po::value<int>(), "connections in the memory scenarios (10000; 1000 in a quick run)");
    add("rate", po::value<double>(),
        "operations per second, begun at fixed times even if the server is behind; only scenarios with round trips");
    add("scenario", po::value<std::vector<std::string>>()->composing(), "only this one; may be given several times");
    add("system", po::value<std::vector<std::string>>()->composing(),
        "only this one and the floor; may be given several times");
    add("rivals", po::value<std::string>(), "measure the servers in this folder too");
    add("build", po::value<std::string>(), "where they are built (~/.cache/coil-bench)");
    add("server", po::value<std::vector<std::string>>()->composing(),
        "NAME=COMMAND: measure this server too; {port} (and {port+1}, {port+2}, {port+3}), {certificate}, {key} and "
        "{threads} in the command stand for what it is told; may be given several times");
    add("speaks", po::value<std::string>(),
        "of echo,download,upload,http those that servers given with --server speak; without it they are started once "
        "to find out");
    add("threads", po::value<int>(), "of each server under test (1)");
    add("json", po::value<std::string>(), "write everything that was measured to this file");
    add("markdown", po::value<std::string>(), "write the tables to this file");
    add("page", po::value<std::string>(), "write plots and tables as one HTML page to this file");
    return all;
}

void print_help(const po::options_description& described)
{
    std::cout << "usage: bench [options]\n"
                 "       bench serve [SYSTEM] PORT CERTIFICATE KEY [--threads N] [--rivals FOLDER]\n"
                 "                                      only the server (coil), on PORT and the next three\n"
                 "       bench load SCENARIO PORT CERTIFICATE SECONDS [--speaks PROTOCOL,...]   only the clients\n"
                 "       bench report FILE.json [--page FILE] [--markdown FILE]\n"
                 "                                      the report of an earlier run once more\n"
                 "       bench compare FIRST.json SECOND.json   what has changed between two runs\n\n"
                 "Measures what TLS servers cost the processor for each operation, beside the floor: OpenSSL's own\n"
                 "work and the kernel's own work. Exit code 1: something was left out or failed.\n\n"
              << described << "\nscenarios:";
    for (const scenario& one : scenarios())
        std::cout << ' ' << one.name;
    std::cout << "\nsystems:\n";
    for (const system& one : systems())
        std::cout << "  " << one.name << std::string(12 - one.name.size(), ' ') << one.description << '\n';
}

void choose_scenarios(const given_options& given, run_options& options)
{
    const bool quick = given.has("quick");
    std::vector<const scenario*> chosen;
    for (const std::string& name : given.all("scenario")) {
        chosen.push_back(find_scenario(name));
        if (!chosen.back())
            throw usage_error("there is no scenario " + name);
        if (options.rate > 0 && !chosen.back()->has_round_trips())
            throw usage_error("--rate makes no sense for " + name + ", which has no round trips");
    }
    if (chosen.empty())
        for (const scenario& one : scenarios())
            if ((!quick || one.quick) && (options.rate <= 0 || one.has_round_trips()))
                chosen.push_back(&one);
    const int connections = given.number("connections", 1, 60'000, quick ? 1000 : 0);
    for (const scenario* one : chosen) {
        const bool changed = one->kind == scenario_kind::memory && connections > 0;
        options.scenarios.push_back(changed ? &with_connections(*one, static_cast<unsigned>(connections)) : one);
    }
}

void add(std::vector<system>& known, system one)
{
    if (std::ranges::find(known, one.name, &system::name) != known.end())
        throw usage_error("there are two systems named " + one.name);
    known.push_back(std::move(one));
}

/// @return the names of the servers that are the user's.
std::vector<std::string> choose_known(const given_options& given, run_options& options)
{
    options.known = std::make_shared<std::vector<system>>(systems().begin(), systems().end());
    if (given.has("rivals"))
        add_rivals(*options.known, given.path("rivals"), given.path("build"));
    std::vector<std::string> own;
    try {
        std::optional<protocol_set> speaks;
        if (given.has("speaks"))
            speaks = parse_protocols(given.value<std::string>("speaks"));
        for (const std::string& definition : given.all("server")) {
            add(*options.known, make_user_server(definition, speaks));
            own.push_back(options.known->back().name);
        }
    } catch (const failure& error) {
        throw usage_error(error.what());
    }
    return own;
}

void choose_systems(const given_options& given, run_options& options)
{
    const std::vector<std::string> own = choose_known(given, options);
    std::vector<std::string> wanted = given.all("system");
    for (const std::string& name : wanted)
        if (std::ranges::find(*options.known, name, &system::name) == options.known->end())
            throw usage_error("there is no system " + name);
    if (wanted.empty() && given.has("quick"))
        wanted = {"coil", "asio"};
    if (!wanted.empty())
        wanted.insert(wanted.end(), own.begin(), own.end());
    for (const system& one : *options.known)
        if (wanted.empty() || one.kind != system_kind::server || std::ranges::find(wanted, one.name) != wanted.end())
            options.systems.push_back(&one);
}

std::string folder_in_cache()
{
    if (const char* const cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
        return std::string(cache) + "/coil-bench";
    if (const char* const home = std::getenv("HOME"); home && *home)
        return std::string(home) + "/.cache/coil-bench";
    throw usage_error("--build is needed where there is no HOME");
}

}  // namespace

unsigned to_threads(int given)
{
    if (given < 1 || given > 256)
        throw usage_error("--threads is not from 1 to 256");
    return static_cast<unsigned>(given);
}

void add_rivals(std::vector<system>& known, const std::string& folder, const std::string& build_folder)
{
    try {
        for (system& one : find_rivals(folder, build_folder.empty() ? folder_in_cache() : build_folder))
            add(known, std::move(one));
    } catch (const failure& error) {
        throw usage_error(error.what());
    }
}

std::optional<run_options> parse_options(int count, const char* const* words)
{
    const po::options_description described = describe_options();
    const given_options given(described, count, words);
    if (given.has("help")) {
        print_help(described);
        return std::nullopt;
    }
    run_options options;
    if (given.has("quick"))
        options.rounds = 3;
    options.rounds = static_cast<unsigned>(given.number("rounds", 1, 1000, static_cast<int>(options.rounds)));
    const double seconds = std::chrono::duration<double>(options.duration).count();
    options.duration = std::chrono::nanoseconds(std::llround(given.number("seconds", 0.05, 600.0, seconds) * 1e9));
    if (given.has("threads"))
        options.threads = to_threads(given.value<int>("threads"));
    options.rate = given.number("rate", 1.0, 1e7, 0.0);
    options.json_file = given.path("json");
    options.markdown_file = given.path("markdown");
    options.page_file = given.path("page");
    choose_scenarios(given, options);
    choose_systems(given, options);
    return options;
}

}  // namespace bench
