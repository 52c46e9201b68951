#pragma once

#include <coil/runtime/simulation.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coil::internal {

/// Clock, dice, agenda and trace of a simulation: what its ring and its network share.
class simulated_world {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using duration = std::chrono::nanoseconds;
    using action = std::function<void()>;

    explicit simulated_world(simulation_options with);
    simulated_world(const simulated_world&) = delete;
    simulated_world& operator=(const simulated_world&) = delete;

    const simulation_options options;
    simulation_report counts;

    time_point now() const noexcept { return now_; }
    duration elapsed() const noexcept { return now_ - start; }
    /// Time goes on without anything happening.
    void pass(duration time) noexcept { now_ += time; }

    std::uint64_t draw() noexcept;
    /// 0 … limit - 1.
    std::uint64_t below(std::uint64_t limit) noexcept { return draw() % limit; }
    bool chance(double probability) noexcept;
    /// How long something takes: mostly short, sometimes up to the longest.
    duration delay() noexcept;

    /// Has `what` happen after `wait`; what happens at the same time happens in any order.
    void schedule(duration wait, action what);
    /// When the next event is due.
    std::optional<time_point> next() const noexcept;
    /// Lets the next event happen, at its time. Only where there is one.
    void run_next();
    /// Forgets all that was to happen.
    void clear_agenda() noexcept { agenda_.clear(); }

    /// Something happened: adds it to the trace.
    void note(std::string_view what, std::initializer_list<std::int64_t> numbers = {});
    /// Bytes went over: adds them to the trace.
    void note_bytes(std::span<const std::byte> bytes) noexcept;
    std::uint64_t trace_hash() const noexcept { return hash_; }

    /// The program did something that must not happen.
    [[noreturn]] void stop_program(const std::string& message) const noexcept;
    [[noreturn]] void fail(const std::string& message) const { throw simulation_failure(options.seed, message); }

    /// Descriptors open in the network.
    std::size_t open_descriptors = 0;

private:
    struct event {
        time_point when;
        std::uint64_t order;
        action what;
    };
    static bool later(const event& a, const event& b) noexcept
    {
        return a.when != b.when ? a.when > b.when : a.order > b.order;
    }

    static constexpr time_point start{std::chrono::hours(1)};

    time_point now_ = start;
    std::uint64_t state_;
    std::uint64_t hash_ = 0xcbf29ce484222325;
    std::vector<event> agenda_;  // a heap
};

/// A number made of `bytes`, quickly; long runs count with their beginning and end.
std::uint64_t fingerprint(std::span<const std::byte> bytes) noexcept;

}  // namespace coil::internal
