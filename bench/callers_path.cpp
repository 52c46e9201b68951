#include "bench/callers_path.hpp"

#include <cstdlib>
#include <filesystem>

namespace bench {

std::string callers_path(const std::string& path)
{
    const char* const folder = std::getenv("BUILD_WORKING_DIRECTORY");
    return folder ? (std::filesystem::path(folder) / path).string() : path;
}

}  // namespace bench
