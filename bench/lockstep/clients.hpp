#pragma once

#include "bench/floor/stopwatch.hpp"
#include "bench/lockstep/client.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace bench::lockstep {

/// The clients of one round. The server under test lives in the same thread and calls `turn` wherever it would wait; what
/// passes between two calls is the server's, and is timed.
class clients {
public:
    /// @param context  null: no TLS. It and `doing` must outlive this object.
    /// @param cycles   how often each connection does its part while it is timed; before that it does so a few times to warm up.
    clients(SSL_CTX* context, const workload& doing, unsigned cycles);

    /// Where the server listens; before the first turn.
    void connect_to(std::uint16_t port);

    /// Lets all clients do what they can. Not inlined, and the only way from a server to its clients: what a profiler finds
    /// below this function is not the server's.
    /// @return whether the server is to go on; if not, all connections are closed.
    /// Throws: `failure`, when a server does not do what it should, or nothing for long.
    [[gnu::noinline]] bool turn();

    /// Nanoseconds of the server per operation.
    double per_operation() { return watch_.per_operation(); }
    /// Since the beginning of the timed part.
    double operations() const noexcept { return operations_; }
    std::uint64_t turns() const noexcept { return turns_; }

private:
    bool advance();
    void end_wave();
    bool begin_wave();

    SSL_CTX* context_;
    const workload* doing_;
    unsigned warm_up_;
    unsigned cycles_;
    std::vector<client> all_;
    std::vector<client*> busy_;  // those that have not done their part of this wave
    std::size_t wave_begin_ = 0;
    std::size_t wave_end_ = 0;
    unsigned cycle_ = 0;
    std::chrono::steady_clock::time_point last_progress_;
    std::uint64_t turns_in_vain_ = 0;
    stopwatch watch_;
    double operations_ = 0;
    std::uint64_t turns_ = 0;
};

}  // namespace bench::lockstep
