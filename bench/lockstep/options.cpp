#include "bench/lockstep/options.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>

namespace bench::lockstep {
namespace {

namespace po = boost::program_options;
using names = std::vector<std::string>;

po::options_description describe_options()
{
    po::options_description all("options");
    auto add = all.add_options();
    add("help,h", "this text");
    add("rounds", po::value<int>(), "rounds of each measurement; the best counts (10)");
    add("cycles", po::value<int>(),
        "how often each connection does its part in a round, so that work can be counted exactly");
    add("scenario", po::value<names>()->composing(), "only this one; may be given several times");
    add("system", po::value<names>()->composing(), "only this one; may be given several times");
    add("json", po::value<std::string>(), "write everything that was measured to this file");
    return all;
}

void print_help(const po::options_description& described)
{
    std::cout
        << "usage: lockstep [options]\n\n"
           "Measures what TLS servers cost the processor for each operation. Server and clients take turns in one\n"
           "thread, and only the server's turns are timed, so that nothing depends on how two processes meet.\n\n"
        << described << "\nscenarios:";
    for (const workload& one : workloads())
        std::cout << " " << one.name;
    std::cout << "\nsystems:";
    for (const contestant& one : contestants())
        std::cout << " " << one.name;
    std::cout << "\n";
}

unsigned number(const po::variables_map& given, const char* name, unsigned usual, int most)
{
    if (!given.count(name))
        return usual;
    const int value = given[name].as<int>();
    if (value < 1 || value > most)
        throw usage_error("--" + std::string(name) + " is not from 1 to " + std::to_string(most));
    return static_cast<unsigned>(value);
}

/// Those that were asked for, in the order of `all`; without a wish all of them.
template <class T>
std::vector<const T*> choose(const po::variables_map& given, const char* option, std::span<const T> all)
{
    const names wanted = given.count(option) ? given[option].as<names>() : names();
    for (const std::string& name : wanted)
        if (std::ranges::find(all, name, &T::name) == all.end())
            throw usage_error("there is no " + std::string(option) + " " + name);
    std::vector<const T*> chosen;
    for (const T& one : all)
        if (wanted.empty() || std::ranges::find(wanted, one.name) != wanted.end())
            chosen.push_back(&one);
    return chosen;
}

/// Bazel runs programs in a folder of its own and tells where it was called.
std::string callers_path(const std::string& path)
{
    const char* const folder = std::getenv("BUILD_WORKING_DIRECTORY");
    return folder ? (std::filesystem::path(folder) / path).string() : path;
}

}  // namespace

std::optional<lockstep_options> parse_options(int count, const char* const* words)
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
    lockstep_options options;
    options.rounds = number(given, "rounds", options.rounds, 1000);
    options.cycles = number(given, "cycles", options.cycles, 1'000'000);
    options.workloads = choose(given, "scenario", workloads());
    options.contestants = choose(given, "system", contestants());
    if (given.count("json"))
        options.json_file = callers_path(given["json"].as<std::string>());
    return options;
}

}  // namespace bench::lockstep
