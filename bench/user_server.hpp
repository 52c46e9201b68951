#pragma once

#include "bench/system.hpp"

#include <optional>
#include <string_view>

namespace bench {

/// A server of the user's: any program that listens on four ports in a row, or on some of them.
/// @param definition  NAME=COMMAND, a command line for the shell, in which {port}, {port+1}, {port+2}, {port+3}, {certificate},
///                    {key} and {threads} stand for what the server is told.
/// @param speaks  if none, it is started once to find out where it listens.
/// Throws: `failure` if the definition has no name or no command.
system make_user_server(std::string_view definition, std::optional<protocol_set> speaks);

/// "echo,http" and the like. Throws: `failure` for a name that no protocol has.
protocol_set parse_protocols(std::string_view names);

}  // namespace bench
