#pragma once

#include "bench/system.hpp"

#include <filesystem>
#include <vector>

namespace bench {

/// Servers under test that come as folders. Each holds
///   about.json   {"description": "...", "speaks": ["echo", "download", "upload", "http"]}
///   prepare      DIRECTORY: installs and builds what is needed, the latter into the folder DIRECTORY, which exists and is kept
///                from run to run. If that cannot be done, it says why in the last line on stderr, and ends with another
///                status than 0.
///   serve        DIRECTORY PORT CERTIFICATE KEY THREADS: is the server, until it is killed.
/// @param folder  of these folders.
/// @param build_folder  where `prepare` has its directories.
/// @return in the order of their names. Throws: `failure` if the folder cannot be read.
std::vector<system> find_rivals(const std::filesystem::path& folder, const std::filesystem::path& build_folder);

}  // namespace bench
