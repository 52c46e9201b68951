#pragma once

#include "bench/credentials.hpp"
#include "bench/process.hpp"
#include "bench/system.hpp"

#include <cstdint>

namespace bench {

/// A server under test, in a process of its own, that listens on four ports in a row.
class served {
public:
    /// Starts it and waits until it listens.
    /// @param processor  where it runs; -1: anywhere.
    /// Throws: `failure` if it ends, or does not listen in time.
    served(const system& of, const credentials& with, int processor);

    bench::process& process() noexcept { return process_; }
    /// The first of its ports.
    std::uint16_t port() const noexcept { return port_; }

private:
    std::uint16_t port_;
    bench::process process_;
};

}  // namespace bench
