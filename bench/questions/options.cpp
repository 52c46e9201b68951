#include "bench/questions/options.hpp"

#include "bench/failure.hpp"
#include "bench/given_options.hpp"
#include "bench/questions/measurement.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <array>
#include <iostream>
#include <string_view>
#include <utility>

#include <sys/resource.h>

namespace bench::questions {
namespace {

namespace po = boost::program_options;
using names = std::vector<std::string>;

constexpr std::array<std::pair<std::string_view, part>, 3> all_parts{
    {{"time", part::time}, {"memory", part::memory}, {"others", part::others}}};

/// Files that a process has open besides its handshakes: others, arrivals and its own.
constexpr std::size_t other_files = others + 300;

po::options_description describe_options()
{
    po::options_description all("options");
    auto add = all.add_options();
    add("help,h", "this text");
    add("handshakes", po::value<int>(), "that are under way at once (10000); each takes an open file of each process");
    add("wait", po::value<int>(), "milliseconds that a handler waits (50)");
    add("rounds", po::value<int>(), "of each measurement, of which the median counts (5); of memory 3 at most");
    add("seconds", po::value<double>(), "for which the echoes of others are measured (2)");
    add("echoes", po::value<double>(), "per second, of 100 others together (5000)");
    add("arrivals", po::value<double>(), "handshakes that begin per second while others echo (500)");
    add("part", po::value<names>()->composing(), "only this one; may be given several times");
    add("question", po::value<names>()->composing(), "only this one; may be given several times");
    add("json", po::value<std::string>(), "write everything that was measured to this file");
    return all;
}

void print_help(const po::options_description& described)
{
    std::cout << "usage: questions [options]\n\n"
                 "Measures what handshakes cost that wait in handlers of coil: in time and processor, in memory, and\n"
                 "for other connections of the same thread. Rounds of all rows are interleaved.\n\n"
              << described
              << "\nparts:\n"
                 "  time    a crowd shakes hands at once\n"
                 "  memory  a crowd of handshakes waits in a question; beside it one that waits for the clients\n"
                 "  others  echoes of other connections while handshakes arrive, and while a crowd waits\n"
                 "\nquestions:\n";
    for (const question& one : question_table())
        std::cout << "  " << one.name << std::string(16 - std::min<std::size_t>(one.name.size(), 15), ' ') << one.about
                  << "\n";
}

std::set<part> choose_parts(const names& wanted)
{
    std::set<part> chosen;
    for (const std::string& name : wanted) {
        const auto found = std::ranges::find(all_parts, name, &std::pair<std::string_view, part>::first);
        if (found == all_parts.end())
            throw usage_error("there is no part " + name);
        chosen.insert(found->second);
    }
    if (wanted.empty())
        for (const auto& [name, one] : all_parts)
            chosen.insert(one);
    return chosen;
}

std::vector<const question*> choose_questions(const names& wanted)
{
    for (const std::string& name : wanted)
        if (!find_question(name))
            throw usage_error("there is no question " + name);
    std::vector<const question*> chosen;
    for (const question& one : question_table())
        if (wanted.empty() || std::ranges::find(wanted, one.name) != wanted.end())
            chosen.push_back(&one);
    return chosen;
}

/// Takes as many open files as this process and those that it starts may have. Throws: `usage_error` if they are too few.
void take_files(std::size_t handshakes)
{
    rlimit files = {};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        throw system_failure("cannot ask how many files may be open");
    const std::size_t needed = handshakes + other_files;
    if (files.rlim_max < needed)
        throw usage_error("--handshakes " + std::to_string(handshakes) + " takes " + std::to_string(needed) +
                          " open files of each process, and no more than " + std::to_string(files.rlim_max) +
                          " are allowed here (ulimit -Hn)");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        throw system_failure("cannot open more files");
}

}  // namespace

std::optional<questions_options> parse_options(int count, const char* const* words)
{
    const po::options_description described = describe_options();
    const given_options given(described, count, words);
    if (given.has("help")) {
        print_help(described);
        return std::nullopt;
    }
    questions_options options;
    options.handshakes = static_cast<std::size_t>(given.number("handshakes", 1, 1'000'000, 10'000));
    options.wait = std::chrono::milliseconds(given.number("wait", 1, 60'000, 50));
    options.rounds = static_cast<unsigned>(given.number("rounds", 1, 1000, 5));
    options.seconds = given.number("seconds", 0.1, 3600.0, options.seconds);
    options.echoes = given.number("echoes", 1.0, 1e6, options.echoes);
    options.arrivals = given.number("arrivals", 1.0, 1e5, options.arrivals);
    options.parts = choose_parts(given.all("part"));
    options.questions = choose_questions(given.all("question"));
    options.json_file = given.path("json");
    take_files(options.handshakes);
    return options;
}

}  // namespace bench::questions
