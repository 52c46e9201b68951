#include "bench/command.hpp"

int main(int count, char** words)
{
    return bench::run_command(count, words);
}
