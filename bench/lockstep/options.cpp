#include "bench/lockstep/options.hpp"

#include "bench/given_options.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <functional>
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
        std::cout << " " << one.name();
    std::cout << "\nsystems:";
    for (const contestant& one : contestants())
        std::cout << " " << one.name;
    std::cout << "\n";
}

/// Those that were asked for, in the order of `all`; without a wish all of them.
template <class T>
std::vector<const T*> choose(const given_options& given, const std::string& option, std::span<const T> all)
{
    const names wanted = given.all(option);
    for (const std::string& name : wanted)
        if (std::ranges::find(all, name, &T::name) == all.end())
            throw usage_error("there is no " + option + " " + name + (find_scenario(name) ? " in lockstep" : ""));
    std::vector<const T*> chosen;
    for (const T& one : all)
        if (wanted.empty() || std::ranges::find(wanted, std::invoke(&T::name, one)) != wanted.end())
            chosen.push_back(&one);
    return chosen;
}

}  // namespace

std::optional<lockstep_options> parse_options(int count, const char* const* words)
{
    const po::options_description described = describe_options();
    const given_options given(described, count, words);
    if (given.has("help")) {
        print_help(described);
        return std::nullopt;
    }
    lockstep_options options;
    options.rounds = static_cast<unsigned>(given.number("rounds", 1, 1000, static_cast<int>(options.rounds)));
    options.cycles = static_cast<unsigned>(given.number("cycles", 1, 1'000'000, 0));
    options.workloads = choose(given, "scenario", workloads());
    options.contestants = choose(given, "system", contestants());
    options.json_file = given.path("json");
    return options;
}

}  // namespace bench::lockstep
