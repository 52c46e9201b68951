#pragma once

#include "bench/load/connection.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <thread>

namespace bench::questions {

/// Clients that connect, shake hands, echo once and end, each begun at its time however the earlier ones go, in a thread of
/// their own.
class arrivals {
public:
    /// Begins.
    /// @param rate  of clients per second.
    arrivals(const target& to, double rate);
    arrivals(const arrivals&) = delete;
    arrivals& operator=(const arrivals&) = delete;
    ~arrivals();

    /// How many have ended so far.
    std::size_t done() const noexcept { return done_; }
    /// Begins no more and waits for those that have begun. @return how many there were. Throws: `failure` if a client has met
    /// anything unexpected, or none has ended for long.
    std::size_t end();

private:
    void run();
    void run_clients();

    target target_;
    std::chrono::nanoseconds interval_;
    std::atomic<bool> ends_ = false;
    std::atomic<std::size_t> done_ = 0;
    std::size_t begun_ = 0;
    std::exception_ptr failure_;
    std::thread thread_;
};

}  // namespace bench::questions
