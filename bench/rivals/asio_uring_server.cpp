#include "bench/rivals/asio_server.hpp"

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>

/// The server alone, for a build of Asio that uses io_uring.
int main(int count, char** words)
{
    if (count != 5) {
        std::cerr << "usage: asio_uring_server PORT CERTIFICATE KEY THREADS\n";
        return 2;
    }
    try {
        bench::serve_with_asio({static_cast<std::uint16_t>(std::atoi(words[1])), words[2], words[3],
                                static_cast<unsigned>(std::atoi(words[4]))});
    } catch (const std::exception& error) {
        std::cerr << "asio_uring_server: " << error.what() << '\n';
    }
    return 1;
}
