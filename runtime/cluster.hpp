#pragma once

#include <coil/runtime/loop.hpp>
#include <coil/runtime/task.hpp>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <vector>

namespace coil {

namespace internal {
class cluster_state;
}

/// How a cluster is set up.
struct cluster_options {
    /// How long connections may go on after the first stop signal. 0: not at all.
    std::chrono::nanoseconds grace = std::chrono::seconds(5);
    /// Of each worker.
    loop_options loop = {};
    /// Signals that end all workers in order, as `cluster::request_shutdown`. The second one has the effect that it has
    /// elsewhere, so it ends the program at once. Empty: none.
    std::vector<int> stop_signals = {SIGINT, SIGTERM};
    /// Threads, each with a loop of its own. 0: as many as there are processors for this process.
    unsigned workers = 0;
};

/// One loop of a cluster, as its main task knows it. It may be copied and used on any of the cluster's threads.
/// Node: cluster.worker.
class worker {
public:
    /// 0 … count() - 1.   Node: worker.id.
    unsigned index() const noexcept { return index_; }
    unsigned count() const noexcept;

    /// The loop of the worker with this index; to send it something: `call_on(self.loop(i), …)`.
    loop_handle loop(unsigned index) const;

    /// What all workers have done and hold, added up.
    task<loop_stats> stats() const;

    /// Ends all workers in order, as `cluster::request_shutdown`.
    void request_shutdown() const noexcept;
    /// Stops all workers at once.
    void request_stop() const noexcept;

private:
    friend class internal::cluster_state;
    worker(std::shared_ptr<internal::cluster_state> of, unsigned index) noexcept : of_(std::move(of)), index_(index) {}

    std::shared_ptr<internal::cluster_state> of_;
    unsigned index_;
};

/// The same program on several threads, each with a loop of its own. They share nothing but what the program shares.
///
/// ```
/// coil::cluster cluster;
/// cluster.run([](coil::worker) -> coil::task<> {
///     auto server = coil::net::create_server({}, echo);
///     server.listen({.port = 8000, .reuse_port = true}).value();   // the kernel spreads the connections
///     const auto closed = co_await server.closed();                // SIGTERM: when the last connection has ended
/// });
/// ```
/// Node: cluster.
class cluster {
public:
    explicit cluster(cluster_options options = cluster_options());
    cluster(const cluster&) = delete;
    cluster& operator=(const cluster&) = delete;
    ~cluster();

    /// Starts `main` on each worker and returns when all have ended. One that ends does not end the others.
    ///
    /// On a signal, and by `request_shutdown`, all workers end in order. Everything stops at once, through the stop token of
    /// each `main`, when `request_stop` is called and when an exception leaves a `main`. The calling thread is none of the
    /// workers and only waits.
    /// @param main  is called on the thread of each worker, by several at once.
    /// Throws: the exception of the first `main` that failed; `std::system_error` when a thread or a ring cannot be had;
    /// `std::invalid_argument` for an empty `main`, and for numbers that no signal has that can be caught.
    /// Overlap: once at a time.
    void run(std::function<task<>(worker)> main);

    /// Ends all workers in order; before `run` as soon as they start. From any thread.
    ///
    /// Each loop drains (`loop::begin_drain`): its servers accept no more and their connections may finish, upon which
    /// `closed()` completes and `main` returns by itself. After `cluster_options::grace`, or at once on a loop without a
    /// server, the stop token of `main` is stopped.   Node: cluster.disconnect().
    void request_shutdown() noexcept;
    /// Stops all workers at once; before `run` as soon as they start. From any thread.
    void request_stop() noexcept;

    /// How many workers there are.
    unsigned workers() const noexcept;

    /// What the workers of the last run had done when they ended, added up; `run` has returned.
    loop_stats stats() const noexcept;
    /// The same for each.
    const std::vector<loop_stats>& worker_stats() const noexcept;

private:
    std::shared_ptr<internal::cluster_state> state_;
};

}  // namespace coil
