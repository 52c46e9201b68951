#pragma once

#include <string_view>

namespace coil::command {

/// The media type of a file, by the ending of its name.
std::string_view content_type(std::string_view path);

}  // namespace coil::command
