#pragma once

#include "bench/load/load.hpp"

#include <atomic>
#include <exception>
#include <thread>

namespace bench {

/// Clients that connect, shake hands and end as fast as they can, a bounded number of them at a time, in a thread of their
/// own. That thread gets the processor only when no other wants it: it must not delay those who measure.
class storm {
public:
    /// Begins.
    storm(const scenario& of, const target& to);
    storm(const storm&) = delete;
    storm& operator=(const storm&) = delete;
    ~storm();

    /// Operations done so far.
    std::size_t done() const noexcept { return done_; }
    /// Throws: `failure` if a client has met anything unexpected.
    void end();

    static constexpr unsigned connections = 64;

private:
    void run();

    load load_;
    std::atomic<bool> ends_ = false;
    std::atomic<std::size_t> done_ = 0;
    std::exception_ptr failure_;
    std::thread thread_;
};

}  // namespace bench
