#pragma once

#include <coil/tls/secure_context.hpp>

#include "tools/coil/tls_arguments.hpp"

#include <string>

namespace coil::command {

/// What a server identifies itself with.
struct server_identity {
    tls::secure_context context;
    /// Where a throwaway certificate was made: what the user should know about it.
    std::string notice;
};

/// Makes the context of a server from the files that were given, or with a throwaway certificate for `host` and this
/// machine's own names.
/// Throws: `usage_error`, `tls::error`.
server_identity make_server_identity(const tls_arguments& arguments, const std::string& host);

}  // namespace coil::command
