#include "bench/failure.hpp"
#include "bench/floor/floor.hpp"
#include "bench/load/load.hpp"
#include "bench/options.hpp"
#include "bench/report.hpp"
#include "bench/run.hpp"

#include <charconv>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace bench {
namespace {

std::uint16_t to_port(std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65532)
        throw usage_error("PORT is not a number from 1 to 65532: " + std::string(text));
    return port;
}

int serve(const std::vector<std::string>& words)
{
    if (words.size() != 5)
        throw usage_error("usage: bench serve SYSTEM PORT CERTIFICATE KEY");
    const system* const chosen = find_system(words[1]);
    if (!chosen || !chosen->serve)
        throw usage_error("there is no server " + words[1]);
    chosen->serve({to_port(words[2]), words[3], words[4]});
    return 1;  // servers end by a signal
}

/// Only the clients, against a server that somebody else started: for profilers.
int put_under_load(const std::vector<std::string>& words)
{
    const scenario* const of = words.size() == 5 ? find_scenario(words[1]) : nullptr;
    const double seconds = of ? std::strtod(words[4].c_str(), nullptr) : 0;
    if (!of || !(seconds > 0 && seconds <= 3600))
        throw usage_error("usage: bench load SCENARIO PORT CERTIFICATE SECONDS");
    const openssl_ptr<SSL_CTX> context = make_client_context(words[3]);
    load clients(*of, {to_port(words[2]), context.get()});
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

int compare(const run_options& options)
{
    std::ofstream json = create(options.json_file);
    std::ofstream markdown = create(options.markdown_file);
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

int run_command(int count, const char* const* words)
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
}  // namespace bench

int main(int count, char** words)
{
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return bench::run_command(count, words);
    } catch (const bench::usage_error& error) {
        std::cerr << "bench: " << error.what() << '\n';
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "bench: " << error.what() << '\n';
        return 1;
    }
}
