#pragma once

#include <boost/program_options.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace coil::command {

/// Columns that a group of options takes in the help.
inline constexpr unsigned help_width = 100;

/// What the help of a subcommand says beside its options.
struct description {
    std::string_view name;      ///< "serve"
    std::string_view synopsis;  ///< "coil serve [OPTION]... DIR"
    std::string_view about;     ///< Some lines.
    std::string_view examples;  ///< Some lines.
};

/// The options and arguments of one subcommand.
class command_line {
public:
    explicit command_line(const description& of) : of_(of) {}

    /// Adds a group of options to what is understood and to the help.
    void add(const boost::program_options::options_description& group) { options_.add(group); }
    /// Takes one argument that is no option.
    void take_argument(std::string_view name, std::string* value);

    /// Sets the variables that the options belong to.
    /// @return false if help was asked for; it is then printed.
    /// Throws: `usage_error` for what is not understood.
    bool parse(int count, char** arguments);

private:
    void print_help() const;

    description of_;
    boost::program_options::options_description options_;
    boost::program_options::options_description arguments_;
    boost::program_options::positional_options_description positions_;
    std::string argument_name_;
};

/// A whole number from `least` to `most`.
/// Throws: `usage_error` that names `option`.
unsigned parse_number(std::string_view option, const std::string& text, unsigned least, unsigned most);

}  // namespace coil::command
