#include "bench/rival.hpp"

#include "bench/failure.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>

#include <sys/wait.h>

namespace bench {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

/// In a form that a shell takes for one word.
std::string quoted(const std::string& word)
{
    std::string text = "'";
    for (const char letter : word)
        text += letter == '\'' ? "'\\''" : std::string(1, letter);
    return text + "'";
}

/// Not in a session of its own, as servers are: it may ask for a password, and the user may interrupt it.
void run_prepare(const fs::path& script, const fs::path& directory, const std::function<void(const std::string&)>& tell)
{
    std::error_code error;
    fs::create_directories(directory, error);
    if (error)
        throw failure("cannot make the folder " + directory.string() + ": " + error.message());
    const std::string command = quoted(script.string()) + " " + quoted(directory.string()) + " 2>&1 < /dev/null";
    std::FILE* const output = popen(command.c_str(), "re");
    if (!output)
        throw system_failure("cannot start " + script.string());
    char* line = nullptr;
    std::size_t room = 0;
    std::string last;
    for (ssize_t size; (size = getline(&line, &room, output)) >= 0;) {
        const std::string_view text(line, static_cast<std::size_t>(size));
        const std::size_t end = text.find_last_not_of(" \r\n");
        if (end == text.npos)
            continue;
        last = text.substr(0, end + 1);
        tell(last);
    }
    std::free(line);
    const int status = pclose(output);
    if (status != 0)
        throw failure(!last.empty() ? last : "`prepare` ended with status " + std::to_string(WEXITSTATUS(status)));
}

void read_about(const fs::path& file, system& into)
{
    std::ifstream stream(file);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    try {
        const json::value about = json::parse(text);
        into.description = std::string(about.at("description").as_string());
        into.speaks = {};
        for (const json::value& name : about.at("speaks").as_array()) {
            const std::optional<protocol> one = find_protocol(std::string_view(name.as_string()));
            if (!one)
                throw failure("there is no protocol " + std::string(name.as_string()));
            into.speaks.insert(*one);
        }
    } catch (const std::exception& error) {
        into.speaks = {};
        into.missing = file.filename().string() + ": " + error.what();
    }
}

system make_rival(const fs::path& folder, const fs::path& directory)
{
    system made;
    made.name = folder.filename().string();
    read_about(folder / "about.json", made);
    made.prepare = [folder, directory](system&, const std::function<void(const std::string&)>& tell) {
        run_prepare(folder / "prepare", directory, tell);
    };
    made.command = [folder, directory](const server_settings& settings) {
        return std::vector<std::string>{
            (folder / "serve").string(), directory.string(), std::to_string(settings.port),
            settings.certificate_file,   settings.key_file,  std::to_string(settings.threads)};
    };
    return made;
}

}  // namespace

std::vector<system> find_rivals(const fs::path& folder, const fs::path& build_folder)
{
    std::error_code error;
    std::vector<system> found;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (fs::exists(entry->path() / "about.json"))
            found.push_back(
                make_rival(fs::absolute(entry->path()), fs::absolute(build_folder) / entry->path().filename()));
    if (error)
        throw failure("cannot read the folder of rivals " + folder.string() + ": " + error.message());
    std::ranges::sort(found, {}, &system::name);
    return found;
}

}  // namespace bench
