#pragma once

#include "tools/coil/http_request.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace coil::command {

/// What tells one state of a file from another.
struct validators {
    std::string etag;  ///< With its quotes; strong.
    std::chrono::sys_seconds modified;
};

/// What the conditions of a request come to for a file that exists.
enum class precondition { none_failed, not_modified, failed };

/// RFC 9110 §13.2.2.
precondition evaluate_preconditions(const http_request& request, const validators& current);

/// Whether If-Range lets a Range field count.   RFC 9110 §13.1.5.
bool range_applies(const http_request& request, const validators& current);

}  // namespace coil::command
