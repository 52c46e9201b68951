#include "bench/served.hpp"

#include "bench/failure.hpp"
#include "bench/load/load.hpp"

#include <random>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {
namespace {

bool port_is_free(std::uint16_t port)
{
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(descriptor);
    return free;
}

/// Below the ports that the system gives to clients, of which there are many here.
std::uint16_t find_ports()
{
    std::random_device random;
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const auto first = static_cast<std::uint16_t>(20000 + random() % 2000 * 4);
        bool free = true;
        for (std::uint16_t i = 0; i < 4; ++i)
            free = free && port_is_free(static_cast<std::uint16_t>(first + i));
        if (free)
            return first;
    }
    throw failure("there are no four free ports in a row between 20000 and 28000");
}

}  // namespace

served::served(const system& of, const credentials& with, int processor)
    : port_(find_ports()),
      process_({"serve", std::string(of.name), std::to_string(port_), with.certificate_file(), with.key_file()},
               processor)
{
    for (std::uint16_t i = 0; i < 4; ++i)
        wait_for_server(static_cast<std::uint16_t>(port_ + i), [this] { process_.check_running(); });
}

}  // namespace bench
