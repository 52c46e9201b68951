#pragma once

#include <string>

namespace bench {

/// `bazel run` changes the folder; a path on the command line means the caller's.
std::string callers_path(const std::string& path);

}  // namespace bench
