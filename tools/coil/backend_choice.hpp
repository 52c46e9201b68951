#pragma once

#include <coil/runtime/backend.hpp>

#include <boost/program_options.hpp>

#include <string>

namespace coil::command {

/// Adds `--backend`, which sets `name`, to a group of options.
void add_backend_option(boost::program_options::options_description& group, std::string& name);

/// The backend of this name. Throws: `usage_error`.
backend parse_backend(const std::string& name);

/// What a loop of this process would run on, and why, in one line; or why there would be none.
std::string describe_backend();

/// " on epoll" for the loop of this thread, and nothing for one on io_uring, which needs no mention.
std::string unusual_backend();

}  // namespace coil::command
