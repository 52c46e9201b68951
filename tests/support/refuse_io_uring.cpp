// Runs a command where io_uring is refused, as in a container: refuse_io_uring COMMAND [ARGUMENT...]
#include "tests/support/refused_io_uring.hpp"

#include <cerrno>
#include <cstdio>
#include <exception>

#include <unistd.h>

int main(int count, char** words)
{
    if (count < 2) {
        std::fputs("usage: refuse_io_uring COMMAND [ARGUMENT...]\n", stderr);
        return 2;
    }
    try {
        coil::test::refuse_io_uring(EPERM);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "refuse_io_uring: %s\n", failure.what());
        return 1;
    }
    ::execvp(words[1], words + 1);
    std::perror(words[1]);
    return 127;
}
