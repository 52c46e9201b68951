#pragma once

#include <coil/runtime/backend.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/task.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace coil {

namespace internal {
class simulated_network;
class simulated_system;
class simulated_world;
}  // namespace internal

/// What a simulated world is like. Chances go from 0, never, to 1, always.
struct simulation_options {
    /// That an accept fails: no descriptor left, the connection was aborted, or the kernel gave the accept up.
    double accept_failure = 0;
    /// What the loop runs on: something like an io_uring, or coil's ring on epoll, on something like epoll. `automatic` is
    /// the former. Chances of what only an io_uring does (`early_end`, `full_queue`) mean nothing to the latter.
    coil::backend backend = coil::backend::io_uring;
    /// Completions that can be posted before the loop takes them; more overflow, and what completes many times ends then.
    unsigned completion_entries = 4096;
    /// That a connect is refused, finds no way or times out.
    double connect_failure = 0;
    /// That a request which completes many times ends with one of its completions.
    double early_end = 0.05;
    /// That a request finds the submission queue full.
    double full_queue = 0.02;
    /// That waiting for completions ends without any.
    double interruption = 0.02;
    /// That a listening socket turns out to be unable to accept.
    double listener_failure = 0;
    /// The most that anything takes: an operation, or bytes on their way.
    std::chrono::nanoseconds longest_delay = std::chrono::milliseconds(2);
    /// Time, that of the simulation, after which a run has failed.
    std::chrono::nanoseconds longest_run = std::chrono::hours(4);
    /// Entries into the ring after which a run has failed.
    std::uint64_t most_turns = 2'000'000;
    /// Whether accepts and receives complete many times, as on a new kernel.
    bool multishot = true;
    /// That a receive finds no buffer though there are some.
    double no_buffer = 0.02;
    /// Told everything that happens, a line for each. Empty: nobody is.
    std::function<void(std::string_view line)> on_event = {};
    /// Whether a send that does not wait may end without telling, as on a new kernel.
    bool quiet_sends = true;
    /// A power of two, or 0 for none.
    unsigned receive_buffers = 256;
    unsigned receive_buffer_size = 4096;
    /// That bytes on their way are lost together with their connection: both ends see a reset.
    double reset = 0;
    /// Decides everything that the other options leave to chance.
    std::uint64_t seed = 0;
    /// That a receive takes fewer bytes than there are.
    double short_read = 0.2;
    /// That a send takes fewer bytes than there is room for.
    double short_write = 0.1;
    /// Bytes that a connection holds in each direction.
    std::size_t socket_buffer = 64 * 1024;
    /// That what was sent at once arrives in several pieces.
    double split = 0.2;
    unsigned submission_entries = 256;
};

/// Options in which the seed decides also how rough the world is: everything from a calm one to one in which connections
/// fail often, queues are tiny and buffers run out.
simulation_options any_weather(std::uint64_t seed);

/// A run that did not come to its end. The message tells the seed and what was pending.
class simulation_failure : public std::runtime_error {
public:
    simulation_failure(std::uint64_t seed, const std::string& what)
        : std::runtime_error("simulation with seed " + std::to_string(seed) + ": " + what)
    {
    }
};

/// What a run came to.
struct simulation_report {
    /// The loop's own counters when the main task had ended.
    loop_stats loop;
    /// Time that passed in the simulation.
    std::chrono::nanoseconds elapsed = {};
    std::uint64_t events = 0;
    std::uint64_t overflows = 0;         ///< Completions that found the queue full.
    std::uint64_t resets = 0;            ///< Connections that broke.
    std::uint64_t cancel_races = 0;      ///< Cancellations that came too late, or at the same moment.
    std::uint64_t buffer_shortages = 0;  ///< Receives that found no buffer.
    std::uint64_t failed_accepts = 0;
    std::uint64_t failed_connects = 0;
    std::size_t open_descriptors = 0;    ///< Sockets still open when the loop had gone.
    std::size_t pending_operations = 0;  ///< Requests still pending when the loop had gone.
};

/// Runs programs on a loop without a kernel: a network in memory, a clock that jumps to the next event, and one seed that
/// decides every delay, piece, failure and race. The same seed gives the same run, so a failure can be looked at again.
///
/// The addresses of all hosts belong to this world: a program listens on any of them and connects to it. Ports, Unix
/// paths and socket options behave as the system's. Files, and descriptors that do not come from this world, are the
/// system's; blocking calls (`offload`) run on the loop's own thread.
///
/// It watches the program too and stops it, with a message that has the seed, where a receive buffer is given back twice,
/// a closed descriptor is used, or memory changes under an operation that is still using it.
/// ```
/// coil::simulation world({.seed = 7});
/// world.run(program());
/// ```
/// Needs a thread without a loop.
class simulation {
public:
    explicit simulation(simulation_options options = simulation_options());
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;
    ~simulation();

    /// Runs `main` on a new loop, as `loop::run` does, and destroys the loop. Once.
    /// Throws: what `main` throws; `simulation_failure` where nothing can happen any more or it takes too long.
    template <class T>
    T run(task<T> main)
    {
        const finish at_end(*this);
        loop home(make_ring(), system());
        const note_stats before_end(*this, home);
        return home.run(std::move(main));
    }

    /// A number made of everything that has happened: equal for equal runs.
    std::uint64_t trace_hash() const noexcept;

    /// Sockets open now.
    std::size_t open_descriptors() const noexcept;

    /// What `run` came to.
    const simulation_report& report() const noexcept { return report_; }

    /// For loops that are set up by hand: the world's ring, once, and the calls that go with it.
    /// @{
    std::unique_ptr<internal::ring> make_ring();
    internal::system& system() noexcept;
    /// @}

private:
    class finish {
    public:
        explicit finish(simulation& of) noexcept : of_(of) {}
        finish(const finish&) = delete;
        ~finish() { of_.write_report(); }

    private:
        simulation& of_;
    };

    class note_stats {
    public:
        note_stats(simulation& of, const loop& home) noexcept : of_(of), home_(home) {}
        note_stats(const note_stats&) = delete;
        ~note_stats() { of_.report_.loop = home_.stats(); }

    private:
        simulation& of_;
        const loop& home_;
    };

    std::unique_ptr<internal::ring> make_ring_on_epoll();
    void write_report() noexcept;

    std::unique_ptr<internal::simulated_world> world_;
    std::unique_ptr<internal::simulated_network> network_;
    std::unique_ptr<internal::simulated_system> system_;
    simulation_report report_;
};

}  // namespace coil
