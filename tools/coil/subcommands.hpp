#pragma once

namespace coil::command {

/// The subcommands. Each takes its own arguments, without its name, and gives the exit status of the process.
/// Throws: `usage_error`, `failure`, `tls::error`, `std::system_error`; each a line for people.
/// @{
int serve(int count, char** arguments);
int echo(int count, char** arguments);
int connect(int count, char** arguments);
int bench(int count, char** arguments);
/// @}

}  // namespace coil::command
