#include "bench/credentials.hpp"
#include "bench/failure.hpp"
#include "bench/lockstep/options.hpp"
#include "bench/lockstep/report.hpp"
#include "bench/usage_error.hpp"

#include <csignal>
#include <fstream>
#include <iostream>
#include <map>

#include <unistd.h>

namespace {

namespace lockstep = bench::lockstep;

void measure(lockstep::lockstep_cell& cell, const lockstep::workload& doing, unsigned cycles,
             const bench::credentials& with)
{
    if (!cell.failure.empty())
        return;
    try {
        cell.rounds.push_back(lockstep::measure_round(*cell.of, doing, cycles ? cycles : doing.cycles,
                                                      with.certificate_file().string(), with.key_file().string()));
    } catch (const bench::failure& reason) {
        cell.failure = reason.what();
    }
}

/// Rounds are interleaved, A B C A B C, so that a change of the machine hits all systems.
lockstep::lockstep_row measure(const lockstep::workload& doing, const lockstep::lockstep_options& options,
                               const bench::credentials& with)
{
    lockstep::lockstep_row row;
    row.of = &doing;
    for (const lockstep::contestant* one : options.contestants)
        row.cells.push_back({.of = one, .rounds = {}, .failure = {}});
    const bool terminal = isatty(STDERR_FILENO);
    for (unsigned round = 0; round < options.rounds; ++round) {
        if (terminal)
            std::cerr << "\r\033[K" << doing.name() << ", round " << round + 1 << " of " << options.rounds
                      << std::flush;
        for (lockstep::lockstep_cell& cell : row.cells)
            measure(cell, doing, options.cycles, with);
    }
    if (terminal)
        std::cerr << "\r\033[K" << std::flush;
    return row;
}

/// @return whether everything was measured.
bool run(const lockstep::lockstep_options& options)
{
    std::map<bench::key_type, bench::credentials> credentials;
    bool complete = true;
    std::vector<lockstep::lockstep_row> rows;
    std::cout << lockstep::head_line(options) << std::endl;
    for (const lockstep::workload* doing : options.workloads) {
        const bench::key_type key = doing->scenario.key;
        rows.push_back(measure(*doing, options, credentials.try_emplace(key, key).first->second));
        std::cout << lockstep::table_line(rows.back()) << std::endl;
        for (const lockstep::lockstep_cell& cell : rows.back().cells)
            if (!cell.failure.empty()) {
                std::cerr << "lockstep: " << cell.of->name << ", " << doing->name() << ": " << cell.failure << "\n";
                complete = false;
            }
    }
    if (!options.json_file.empty()) {
        std::ofstream file(options.json_file);
        if (!(file << lockstep::to_json(rows) << std::flush))
            throw bench::failure("cannot write " + options.json_file);
    }
    return complete;
}

}  // namespace

int main(int count, char** words)
{
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const std::optional<lockstep::lockstep_options> options = lockstep::parse_options(count, words);
        return !options || run(*options) ? 0 : 1;
    } catch (const bench::usage_error& error) {
        std::cerr << "lockstep: " << error.what() << "\ntry lockstep --help\n";
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "lockstep: " << error.what() << "\n";
        return 1;
    }
}
