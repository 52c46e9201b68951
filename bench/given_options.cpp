#include "bench/given_options.hpp"

#include "bench/callers_path.hpp"

#include <boost/program_options.hpp>

namespace bench {

namespace po = boost::program_options;

given_options::given_options(const po::options_description& described, int count, const char* const* words)
{
    try {
        po::store(po::command_line_parser(count, words).options(described).positional({}).run(), values_);
    } catch (const po::error& error) {
        throw usage_error(error.what());
    }
}

std::vector<std::string> given_options::all(const std::string& option) const
{
    return has(option) ? value<std::vector<std::string>>(option) : std::vector<std::string>();
}

std::string given_options::path(const std::string& option) const
{
    return has(option) ? callers_path(value<std::string>(option)) : std::string();
}

}  // namespace bench
