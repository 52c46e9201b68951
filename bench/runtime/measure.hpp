#pragma once

#include <chrono>

namespace coil::bench {

/// Nanoseconds for one of `count` repetitions of `work`.
template <class Work>
double nanoseconds_each(int count, Work&& work)
{
    const auto before = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - before;
    return elapsed.count() / count;
}

/// One number for each thing that is measured; nanoseconds.
struct costs {
    double ready_task = 0;
    double channel = 0;
    double timer = 0;
    double other_loop = 0;
    double offload = 0;
    double fiber_call = 0;
};

costs measure_coil();
costs measure_asio();

// How often each is repeated in a round.
constexpr int ready_tasks = 2'000'000;
constexpr int channel_values = 200'000;
constexpr int timers = 50'000;
constexpr int other_loop_calls = 10'000;
constexpr int offloads = 10'000;
constexpr int fiber_calls = 100'000;

}  // namespace coil::bench
