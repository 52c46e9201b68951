#pragma once

#include "bench/usage_error.hpp"

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>

#include <sstream>
#include <string>
#include <vector>

namespace bench {

/// What a command line gives: options and nothing else.
class given_options {
public:
    /// Throws: `usage_error`.
    given_options(const boost::program_options::options_description& described, int count, const char* const* words);

    bool has(const std::string& option) const { return values_.count(option) != 0; }
    /// Of an option that is given.
    template <class T>
    const T& value(const std::string& option) const
    {
        return values_[option].as<T>();
    }
    /// Of an option that may be given several times.
    std::vector<std::string> all(const std::string& option) const;
    /// As the caller means it; empty if it is not given.
    std::string path(const std::string& option) const;
    /// Throws: `usage_error` for what is not from `least` to `most`.
    template <class T>
    T number(const std::string& option, T least, T most, T otherwise) const
    {
        if (!has(option))
            return otherwise;
        const T given = value<T>(option);
        if (!(given >= least && given <= most)) {
            std::ostringstream text;
            text << "--" << option << " is not from " << least << " to " << most;
            throw usage_error(text.str());
        }
        return given;
    }

private:
    boost::program_options::variables_map values_;
};

}  // namespace bench
