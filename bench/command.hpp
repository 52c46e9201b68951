#pragma once

#include <string>
#include <vector>

namespace bench {

/// The whole harness as a command.
/// @param words  its name, which is not looked at, and its arguments.
/// @param leading  what stands before the arguments where the command is part of a greater program, which the harness starts
///                 once more for each server.
/// @return the exit status: 0; 1 if something failed or was left out; 2 for a mistake in the call.
int run_command(int count, const char* const* words, std::vector<std::string> leading = {});

}  // namespace bench
