#include "bench/lockstep/workload.hpp"

#include <algorithm>
#include <vector>

namespace bench::lockstep {
namespace {

constexpr unsigned most_together = 128;
/// Of a round with exchanges: what is small needs many to be measured, and what has many connections is many at once.
constexpr unsigned exchanges = 2500;
constexpr unsigned least_cycles = 15;
constexpr unsigned cycles_of_connections = 10;
constexpr double transferred_mebibytes = 48;

bool fits(const scenario& one) noexcept
{
    return one.kind != scenario_kind::storm && one.kind != scenario_kind::memory;
}

workload make_workload(const scenario& of)
{
    workload made{of, std::min(of.connections, most_together), 0};
    if (of.transfers())
        made.cycles = std::max(1U, static_cast<unsigned>(transferred_mebibytes / made.operations()));
    else if (made.reconnects())
        made.cycles = cycles_of_connections;
    else
        made.cycles = std::max(least_cycles, exchanges / of.connections);
    return made;
}

}  // namespace

bool workload::reconnects() const noexcept
{
    return scenario.kind == scenario_kind::handshake || scenario.kind == scenario_kind::churn ||
           scenario.kind == scenario_kind::reset;
}

double workload::operations() const noexcept
{
    return scenario.connections * (scenario.transfers() ? static_cast<double>(scenario.size) / mebibyte : 1.0);
}

std::span<const workload> workloads() noexcept
{
    static const std::vector<workload> all = [] {
        std::vector<workload> made;
        for (const scenario& one : scenarios())
            if (fits(one))
                made.push_back(make_workload(one));
        return made;
    }();
    return all;
}

const workload* find_workload(std::string_view name) noexcept
{
    const std::span<const workload> all = workloads();
    const auto found = std::ranges::find(all, name, &workload::name);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace bench::lockstep
