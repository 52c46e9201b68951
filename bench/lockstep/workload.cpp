#include "bench/lockstep/workload.hpp"

#include "bench/scenario.hpp"

#include <algorithm>
#include <array>

namespace bench::lockstep {

double workload::operations() const noexcept
{
    const bool transfers = kind == workload_kind::download || kind == workload_kind::upload;
    return connections * (transfers ? static_cast<double>(size) / mebibyte : 1.0);
}

std::span<const workload> workloads() noexcept
{
    static constexpr std::size_t transfer = 4 * 1024 * 1024;
    static constexpr std::size_t transfer_of_many = 1024 * 1024;
    static constexpr std::array<workload, 9> all = {{
        {"echo-64-1", workload_kind::echo, 1, 1, 64, "echo", 1500},
        {"echo-64-32", workload_kind::echo, 32, 32, 64, "echo", 80},
        {"echo-64-512", workload_kind::echo, 512, 128, 64, "echo", 15},
        {"echo-4096-32", workload_kind::echo, 32, 32, 4096, "echo", 60},
        {"handshake", workload_kind::handshake, 8, 8, 0, "handshake", 10},
        {"download-1", workload_kind::download, 1, 1, transfer, "MiB", 10},
        {"download-32", workload_kind::download, 32, 32, transfer_of_many, "MiB", 4},
        {"upload-1", workload_kind::upload, 1, 1, transfer, "MiB", 10},
        {"upload-32", workload_kind::upload, 32, 32, transfer_of_many, "MiB", 4},
    }};
    return all;
}

const workload* find_workload(std::string_view name) noexcept
{
    const std::span<const workload> all = workloads();
    const auto found = std::ranges::find(all, name, &workload::name);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace bench::lockstep
