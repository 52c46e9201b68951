#pragma once

#include "bench/credentials.hpp"
#include "bench/process.hpp"
#include "bench/processors.hpp"
#include "bench/system.hpp"

#include <cstdint>

namespace bench {

/// A server under test, in a process of its own or several, that listens on four ports in a row, or on some of them.
class served {
public:
    /// Starts it and waits until it listens wherever it should. A server of the floor has one thread and one processor,
    /// whatever those under test have: it is the yardstick for all of them.
    /// Throws: `failure` if it ends, or does not listen in time.
    served(const system& of, const credentials& with, const processors& where, unsigned threads = 1);

    bench::process& process() noexcept { return process_; }
    /// The first of its ports.
    std::uint16_t port() const noexcept { return port_; }
    /// Where it runs.
    const processors& where() const noexcept { return where_; }

private:
    friend protocol_set find_spoken(const system& of);
    served(const system& of, const server_settings& settings, const processors& where);

    std::uint16_t port_;
    processors where_;
    bench::process process_;
};

/// Starts a server, to find out which protocols it speaks: where it listens, that is.
/// Throws: `failure` if it ends, or listens nowhere.
protocol_set find_spoken(const system& of);

/// How to start this server.
std::vector<std::string> command_of(const system& of, const server_settings& settings);

}  // namespace bench
