// What the runtime's own work costs, beside the same in Boost.Asio's awaitables. The two take turns, and of several rounds
// the cheapest counts: whatever else the machine does only adds.

#include "bench/runtime/measure.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace {

using coil::bench::costs;

struct row {
    const char* name;
    double costs::*cost;
    double most_of_asio;  ///< The goal: at most this part of what Asio takes.
};

constexpr std::array rows{
    row{"await a ready task", &costs::ready_task, 0.5},
    row{"channel hand-over", &costs::channel, 0.5},
    row{"timer", &costs::timer, 1},
    row{"call on another loop and back", &costs::other_loop, 1},
    row{"offload", &costs::offload, 1},
    row{"call of a function on a fiber", &costs::fiber_call, 1},
};

void keep_least(costs& least, const costs& now, bool first)
{
    for (const row& each : rows)
        least.*each.cost = first ? now.*each.cost : std::min(least.*each.cost, now.*each.cost);
}

}  // namespace

int main(int argc, char** argv)
{
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
    costs own;
    costs asio;
    for (int round = 0; round < rounds; ++round) {
        keep_least(own, coil::bench::measure_coil(), round == 0);
        keep_least(asio, coil::bench::measure_asio(), round == 0);
        std::fprintf(stderr, "round %d of %d\n", round + 1, rounds);
    }
    std::printf("%-32s %10s %10s %8s %6s\n", "nanoseconds", "coil", "asio", "ratio", "goal");
    bool met = true;
    for (const row& each : rows) {
        const double ratio = own.*each.cost / asio.*each.cost;
        met = met && ratio <= each.most_of_asio;
        std::printf("%-32s %10.1f %10.1f %8.2f %6.2f\n", each.name, own.*each.cost, asio.*each.cost, ratio, each.most_of_asio);
    }
    return met ? 0 : 1;
}
