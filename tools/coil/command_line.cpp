#include "tools/coil/command_line.hpp"

#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

#include <charconv>
#include <sstream>

namespace coil::command {

namespace options = boost::program_options;

void command_line::take_argument(std::string_view name, std::string* value)
{
    argument_name_ = name;
    arguments_.add_options()(argument_name_.c_str(), options::value<std::string>(value));
    positions_.add(argument_name_.c_str(), 1);
}

bool command_line::parse(int count, char** arguments)
{
    options::options_description everything;
    everything.add(options_).add(arguments_);
    // Abbreviated options would change their meaning when options are added.
    constexpr int style = options::command_line_style::unix_style & ~options::command_line_style::allow_guessing;
    try {
        options::variables_map values;
        options::store(options::command_line_parser(count, arguments)
                           .options(everything)
                           .positional(positions_)
                           .style(style)
                           .run(),
                       values);
        if (values.contains("help")) {
            print_help();
            return false;
        }
        options::notify(values);
    } catch (const options::too_many_positional_options_error&) {
        const std::string taken = argument_name_.empty() ? "no argument" : "only one argument, " + argument_name_;
        throw usage_error("takes " + taken);
    } catch (const options::error& error) {
        throw usage_error(std::string(error.what()) + " (coil " + std::string(of_.name) + " --help lists the options)");
    }
    return true;
}

void command_line::print_help() const
{
    const terminal& out = terminal::output();
    std::ostringstream text;
    text << out.paint(colour::bold, "usage: ") << of_.synopsis << "\n\n" << of_.about;
    text << options_ << "\n" << out.paint(colour::bold, "Examples:") << "\n" << of_.examples;
    out.print(text.str());
}

unsigned parse_number(std::string_view option, const std::string& text, unsigned least, unsigned most)
{
    unsigned number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stopped != end || text.empty() || number < least || number > most)
        throw usage_error(std::string(option) + ": \"" + printable(text) + "\" is no number from " +
                          std::to_string(least) + " to " + std::to_string(most));
    return number;
}

}  // namespace coil::command
