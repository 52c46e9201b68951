#include "bench/scenario.hpp"

#include <algorithm>
#include <array>

namespace bench {

std::span<const scenario> scenarios() noexcept
{
    static constexpr std::size_t transfer = 64 * 1024 * 1024;
    static constexpr std::array<scenario, 8> all = {{
        {"echo-64-1", scenario_kind::echo, 1, 64, "echo"},
        {"echo-64-32", scenario_kind::echo, 32, 64, "echo"},
        {"echo-64-512", scenario_kind::echo, 512, 64, "echo"},
        {"http-32", scenario_kind::http, 32, http_answer.size(), "request"},
        {"handshake", scenario_kind::handshake, 8, 0, "handshake"},
        {"download-1", scenario_kind::download, 1, transfer, "MiB"},
        {"upload-1", scenario_kind::upload, 1, transfer, "MiB"},
        {"memory", scenario_kind::memory, 1000, 64, "connection"},
    }};
    return all;
}

const scenario* find_scenario(std::string_view name) noexcept
{
    const std::span<const scenario> all = scenarios();
    const auto found = std::ranges::find(all, name, &scenario::name);
    return found == all.end() ? nullptr : &*found;
}

std::span<const std::byte> pattern() noexcept
{
    static const auto bytes = [] {
        std::array<std::byte, 2 * write_size> made;
        for (std::size_t i = 0; i < made.size(); ++i)
            made[i] = static_cast<std::byte>(i % write_size % 251);
        return made;
    }();
    return bytes;
}

}  // namespace bench
