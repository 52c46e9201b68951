#include "bench/command.hpp"
#include "tools/coil/subcommands.hpp"

namespace coil::command {

int bench(int count, char** arguments)
{
    return ::bench::run_command(count, arguments, {"bench"});
}

}  // namespace coil::command
