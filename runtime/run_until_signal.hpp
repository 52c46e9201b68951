#pragma once

#include <coil/runtime/cancel.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/signal.hpp>
#include <coil/runtime/task.hpp>
#include <coil/runtime/with_stop.hpp>

#include <chrono>
#include <csignal>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace coil {

/// How a program that serves ends on a signal.
struct run_until_signal_options {
    /// How long connections may go on after the first signal. 0: not at all.
    std::chrono::nanoseconds grace = std::chrono::seconds(5);
    /// Signals that end it.
    std::vector<int> stop_signals = {SIGINT, SIGTERM};
};

namespace internal {

/// Waits for the first of `signals`, drains the loop and requests `stop` when that has taken `grace`.
task<> drain_on_signal(std::optional<signal_set>& signals, std::chrono::nanoseconds grace, stop_source& stop);

template <class T>
task<T> end_on_signal(task<T> main, run_until_signal_options options)
{
    std::optional<signal_set> signals(std::in_place, options.stop_signals);
    stop_source stop;
    scope watching;
    watching.spawn(drain_on_signal(signals, options.grace, stop));
    auto stoppable = with_stop(stop.token(), std::move(main));
    if constexpr (std::is_void_v<T>) {
        co_await stoppable;
        watching.request_stop();
        co_await watching.join();
    } else {
        T value = co_await stoppable;
        watching.request_stop();
        co_await watching.join();
        co_return value;
    }
}

}  // namespace internal

/// Runs `main` on `on`, as `loop::run` does, and ends it in order when a signal comes.
///
/// The first signal begins to drain the loop (`loop::begin_drain`): its servers accept no more and their connections may
/// finish, upon which `closed()` completes and `main` returns by itself. When `grace` has passed, or at once where there is
/// no server, the stop token of `main` is stopped. A second signal has the effect that it has elsewhere, so it ends the
/// program at once. For several threads: `cluster`.
/// ```
/// coil::loop loop;
/// coil::run_until_signal(loop, serve());
/// ```
/// @return the value of `main`.
/// Throws: what `main` throws; `std::invalid_argument` for numbers that no signal that can be caught has.
/// Node: process.on('SIGTERM', () => server.close()).
template <class T>
T run_until_signal(loop& on, task<T> main, run_until_signal_options options = run_until_signal_options())
{
    return on.run(internal::end_on_signal(std::move(main), std::move(options)));
}

}  // namespace coil
