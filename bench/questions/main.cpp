#include "bench/failure.hpp"
#include "bench/questions/options.hpp"
#include "bench/questions/report.hpp"
#include "bench/questions/run.hpp"
#include "bench/questions/serve.hpp"
#include "bench/usage_error.hpp"

#include <csignal>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace {

namespace questions = bench::questions;

template <class Round>
bool tell_failures(const std::vector<questions::measured<Round>>& rows)
{
    bool none = true;
    for (const questions::measured<Round>& one : rows)
        if (!one.failure.empty()) {
            std::cerr << "questions: " << one.of.name << ": " << one.failure << "\n";
            none = false;
        }
    return none;
}

/// @return whether everything was measured.
bool measure(const questions::questions_options& options)
{
    std::ofstream file;
    if (!options.json_file.empty()) {
        file.open(options.json_file);
        if (!file)
            throw bench::failure("cannot write " + options.json_file);
    }
    const questions::findings found = questions::run(options);
    std::cout << questions::to_text(found, options) << std::flush;
    if (file.is_open() && !(file << questions::to_json(found, options) << std::flush))
        throw bench::failure("cannot write " + options.json_file);
    const bool complete[] = {tell_failures(found.time), tell_failures(found.memory), tell_failures(found.arrivals),
                             tell_failures(found.parked)};
    return complete[0] && complete[1] && complete[2] && complete[3];
}

}  // namespace

int main(int count, char** words)
{
    std::signal(SIGPIPE, SIG_IGN);
    try {
        if (count > 1 && std::string(words[1]) == "serve") {
            questions::serve(questions::to_serve_settings(std::vector<std::string>(words + 2, words + count)));
            return 0;
        }
        const std::optional<questions::questions_options> options = questions::parse_options(count, words);
        return !options || measure(*options) ? 0 : 1;
    } catch (const bench::usage_error& error) {
        std::cerr << "questions: " << error.what() << " (try questions --help)\n";
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "questions: " << error.what() << "\n";
        return 1;
    }
}
