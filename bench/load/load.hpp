#pragma once

#include "bench/load/exchange_session.hpp"
#include "bench/scenario.hpp"

#include <chrono>
#include <memory>
#include <vector>

namespace bench {

/// The clients of one scenario against one server. They work only while `run` does.
class load {
public:
    load(const scenario& of, const target& to);

    /// Opens all connections, not too many of them at a time.
    /// Throws: `failure` if that takes longer than `limit`, as all members do when a client meets anything unexpected.
    void open(std::chrono::seconds limit);
    /// Lets the clients work for this long.
    void run(std::chrono::nanoseconds duration);
    /// Waits until every client has done all that it is meant to; for scenarios that end.
    void finish(std::chrono::seconds limit);

    /// Operations done so far; in transfers MiB.
    double done() const noexcept;

private:
    std::unique_ptr<session> make_session();

    scenario scenario_;
    target target_;
    poller poll_;
    load_count count_;
    std::vector<std::unique_ptr<session>> sessions_;
};

}  // namespace bench
