#include "bench/report/subcommands.hpp"

#include "bench/callers_path.hpp"
#include "bench/failure.hpp"
#include "bench/report/comparison.hpp"
#include "bench/report/figures.hpp"
#include "bench/report/json.hpp"
#include "bench/report/page.hpp"
#include "bench/report/screen.hpp"
#include "bench/report/tables.hpp"

#include <boost/program_options.hpp>

#include <fstream>
#include <iterator>
#include <sstream>

#include <unistd.h>

namespace bench {
namespace {

namespace po = boost::program_options;

std::string read_file(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file || !text)
        throw system_failure("cannot read " + path);
    return text.str();
}

void write_file(const std::string& path, const std::string& text)
{
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file)
        throw system_failure("cannot write " + path);
}

summary read_results(const std::string& path)
{
    const std::string text = read_file(callers_path(path));
    try {
        return from_json(text);
    } catch (const failure& reason) {
        throw failure(path + ": " + reason.what());
    }
}

/// Where there is no terminal lines may be as long as they are.
std::size_t width_of_output(const screen& output)
{
    return output.terminal ? output.size().columns : static_cast<std::size_t>(-1);
}

}  // namespace

void report_files::check() const
{
    for (const std::string& path : {json, markdown, page})
        if (!path.empty() && !std::ofstream(path, std::ios::app))
            throw system_failure("cannot write " + path);
}

void report_files::write(const summary& of) const
{
    if (!json.empty())
        write_file(json, to_json(of));
    if (!markdown.empty())
        write_file(markdown, to_markdown(of));
    if (!page.empty())
        write_file(page, to_page(of));
}

void print_report(const summary& of)
{
    const screen output = screen::of(STDOUT_FILENO);
    output.show(to_text(of, width_of_output(output)));
}

int report_again(const std::vector<std::string>& words)
{
    po::options_description described;
    auto add = described.add_options();
    add("file", po::value<std::string>());
    add("page", po::value<std::string>());
    add("markdown", po::value<std::string>());
    po::variables_map given;
    try {
        const std::vector<std::string> arguments(words.begin() + 1, words.end());
        po::store(po::command_line_parser(arguments)
                      .options(described)
                      .positional(po::positional_options_description().add("file", 1))
                      .run(),
                  given);
    } catch (const po::error& error) {
        throw usage_error(error.what());
    }
    if (!given.count("file"))
        throw usage_error("usage: bench report FILE.json [--page FILE] [--markdown FILE]");
    report_files files;
    if (given.count("page"))
        files.page = callers_path(given["page"].as<std::string>());
    if (given.count("markdown"))
        files.markdown = callers_path(given["markdown"].as<std::string>());
    const summary read = read_results(given["file"].as<std::string>());
    files.write(read);
    print_report(read);
    return read.complete ? 0 : 1;
}

int compare_files(const std::vector<std::string>& words)
{
    if (words.size() != 3)
        throw usage_error("usage: bench compare FIRST.json SECOND.json");
    const summary first = read_results(words[1]);
    const summary second = read_results(words[2]);
    const screen output = screen::of(STDOUT_FILENO);
    output.show("first:  " + printable(first.made + ", " + first.machine() + "; " + first.method) +
                "\nsecond: " + printable(second.made + ", " + second.machine() + "; " + second.method) + "\n\n" +
                to_text(to_table(compare(first, second)), width_of_output(output)));
    const std::vector<std::string> lonely = only_in_one(first, second);
    for (const std::string& line : lonely)
        output.show(printable(line) + "\n");
    return lonely.empty() ? 0 : 1;
}

}  // namespace bench
