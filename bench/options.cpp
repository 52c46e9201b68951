#include "bench/options.hpp"

#include "bench/callers_path.hpp"

#include <boost/program_options.hpp>

#include <cmath>
#include <iostream>

namespace bench {
namespace {

namespace po = boost::program_options;

po::options_description describe_options()
{
    po::options_description all("options");
    auto add = all.add_options();
    add("help,h", "this text");
    add("quick", "3 short rounds: a first impression in under 90 seconds");
    add("rounds", po::value<int>(), "rounds of each measurement (5)");
    add("seconds", po::value<double>(), "length of one measurement (0.7)");
    add("scenario", po::value<std::vector<std::string>>()->composing(), "only this one; may be given several times");
    add("system", po::value<std::vector<std::string>>()->composing(),
        "only this one and the floor; may be given several times");
    add("json", po::value<std::string>(), "write everything that was measured to this file");
    add("markdown", po::value<std::string>(), "write the tables to this file");
    add("page", po::value<std::string>(), "write plots and tables as one HTML page to this file");
    return all;
}

void print_help(const po::options_description& described)
{
    std::cout << "usage: bench [options]\n"
                 "       bench serve SYSTEM PORT CERTIFICATE KEY      only the server, on PORT and the next three\n"
                 "       bench load SCENARIO PORT CERTIFICATE SECONDS   only the clients\n"
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
        std::cout << "  " << one.name << std::string(10 - one.name.size(), ' ') << one.description << '\n';
}

void choose(const po::variables_map& given, run_options& options)
{
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
    for (const std::string& name : wanted)
        if (!find_system(name))
            throw usage_error("there is no system " + name);
    for (const system& one : systems())
        if (wanted.empty() || one.kind != system_kind::server || std::ranges::find(wanted, one.name) != wanted.end())
            options.systems.push_back(&one);
}

}  // namespace

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
    if (given.count("json"))
        options.json_file = callers_path(given["json"].as<std::string>());
    if (given.count("markdown"))
        options.markdown_file = callers_path(given["markdown"].as<std::string>());
    if (given.count("page"))
        options.page_file = callers_path(given["page"].as<std::string>());
    choose(given, options);
    return options;
}

}  // namespace bench
