#pragma once

#include "bench/load/connection.hpp"
#include "bench/load/starts.hpp"
#include "bench/scenario.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <vector>

namespace bench {

/// The clients of one scenario against one server. They work only while one of its functions does. All of these throw
/// `failure` when a client meets anything unexpected.
class load {
public:
    /// @param rate     operations per second of all clients together, each begun at its time if the server is not behind;
    ///                 0: a client begins one when the one before has ended. Only for scenarios with round trips.
    /// @param patience how long the server may take for what is awaited of it.
    load(const scenario& of, const target& to, double rate = 0,
         std::chrono::milliseconds patience = std::chrono::seconds(20));
    load(const load&) = delete;
    load& operator=(const load&) = delete;

    /// Opens all connections, not too many of them at a time.
    void open();
    /// Lets the clients work for this long; with a rate, until what was due in this time is done. Transfers that have begun
    /// are ended: much of what a client has sent, or a server, may be in buffers of the kernel that the other has not seen.
    void run(std::chrono::nanoseconds duration);
    /// Waits until every client has done all that it is meant to; for scenarios that end.
    void finish();

    /// Operations done so far; in transfers MiB.
    double done() const noexcept;
    /// How long operations took since it was last told to forget.
    latency_record& took() noexcept { return count_.took; }

private:
    std::unique_ptr<session> make_session(starts& when);
    void run_at_rate(std::chrono::nanoseconds duration);
    void end_transfers();

    scenario scenario_;
    target target_;
    double rate_;
    std::chrono::milliseconds patience_;
    poller poll_;
    load_count count_;
    std::deque<starts> starts_;
    std::vector<std::unique_ptr<session>> sessions_;
};

}  // namespace bench
