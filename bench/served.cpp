#include "bench/served.hpp"

#include "bench/failure.hpp"
#include "bench/listener.hpp"

#include <chrono>
#include <random>
#include <string>
#include <thread>

#include <unistd.h>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 10s;

bool port_is_free(std::uint16_t port)
{
    try {
        close(listen_on(port));
        return true;
    } catch (const failure&) {
        return false;
    }
}

/// Below the ports that the system gives to clients, of which there are many here.
std::uint16_t find_ports()
{
    std::random_device random;
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const auto first = static_cast<std::uint16_t>(20000 + random() % 2000 * 4);
        if (std::ranges::all_of(all_protocols, [first](protocol one) { return port_is_free(port_of(one, first)); }))
            return first;
    }
    throw failure("there are no four free ports in a row between 20000 and 28000");
}

server_settings choose_settings(const credentials& with, unsigned threads)
{
    return {find_ports(), with.certificate_file(), with.key_file(), threads};
}

/// @return those of `wanted` that it listens for: all of them, unless `limit` passes first.
protocol_set wait_for(process& server, std::uint16_t port, protocol_set wanted, std::chrono::milliseconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    protocol_set found;
    for (;;) {
        server.check_running();
        for (const protocol one : all_protocols)
            if (wanted.contains(one) && !found.contains(one) && is_listened_on(port_of(one, port)))
                found.insert(one);
        if (found == wanted || std::chrono::steady_clock::now() >= deadline)
            return found;
        std::this_thread::sleep_for(10ms);
    }
}

bool has_threads(const system& of) noexcept
{
    return of.kind == system_kind::server;
}

}  // namespace

std::vector<std::string> command_of(const system& of, const server_settings& settings)
{
    if (of.command)
        return of.command(settings);
    return this_program({"serve", of.name, std::to_string(settings.port), settings.certificate_file, settings.key_file,
                         "--threads", std::to_string(settings.threads)});
}

served::served(const system& of, const server_settings& settings, const processors& where)
    : port_(settings.port), where_(where), process_(of.name, command_of(of, settings), where.servers)
{
}

served::served(const system& of, const credentials& with, const processors& where, unsigned threads)
    : served(of, choose_settings(with, has_threads(of) ? threads : 1), has_threads(of) ? where : first_of(where))
{
    const protocol_set listening = wait_for(process_, port_, of.speaks, patience);
    for (const protocol one : all_protocols)
        if (of.speaks.contains(one) && !listening.contains(one))
            throw failure("it does not listen for " + std::string(name_of(one)) + ", on port " +
                          std::to_string(port_of(one, port_)) + ", after " + std::to_string(patience.count()) + " s");
}

protocol_set find_spoken(const system& of)
{
    const credentials with(key_type::ecdsa_p256);
    served server(of, choose_settings(with, 1), processors());
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        // Programs begin to listen on one port after the other: who listens on one is given the time for all.
        const protocol_set found = wait_for(server.process_, server.port_, protocol_set::all(), 500ms);
        if (!found.empty())
            return wait_for(server.process_, server.port_, protocol_set::all(), 500ms);
        if (std::chrono::steady_clock::now() >= deadline)
            throw failure("it listens on none of the four ports " + std::to_string(server.port_) + " to " +
                          std::to_string(server.port_ + 3) + " after " + std::to_string(patience.count()) + " s");
    }
}

}  // namespace bench
