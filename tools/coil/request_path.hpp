#pragma once

#include <string>
#include <string_view>

namespace coil::command {

/// What a request-target names.
struct request_path {
    enum class kind {
        names,      ///< `relative` is what it names.
        malformed,  ///< It is no path: 400.
        outside,    ///< It leads out of the root: 403.
        nothing,    ///< No file can have this name: 404.
    };

    request_path::kind kind = kind::malformed;
    /// Without the leading slash, decoded, without "." and ".." segments; empty for the root itself.
    std::string relative;
    /// Whether it ends like a folder.
    bool is_folder = false;
    /// The same, from the leading slash, in the form that a Location field takes; with a slash at the end. It begins with
    /// one slash only, since two would begin the name of another host.
    std::string as_folder;
    /// With the question mark; may be empty.
    std::string query;
};

/// Reads a request-target in origin or absolute form.   RFC 9112 §3.2, RFC 3986 §5.2.4.
request_path parse_request_path(std::string_view target);

}  // namespace coil::command
