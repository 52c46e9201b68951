#pragma once

#include "bench/lockstep/turns.hpp"
#include "bench/lockstep/workload.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bench::lockstep {

/// Something whose cost is measured: a server, or a part of the floor.
struct contestant {
    std::string_view name;
    bool is_floor;  ///< Its figure counts towards the floor, which is their sum.
    /// Null: OpenSSL's own calls in memory.
    void (*take_turns)(const turn_settings& settings, clients& with);
};

/// All of them, in the order of the report.
std::span<const contestant> contestants() noexcept;
/// Null if there is none of that name.
const contestant* find_contestant(std::string_view name) noexcept;

/// What one round found.
struct round_result {
    double nanoseconds = 0;  ///< Of the server, per operation.
    double operations = 0;   ///< 0 where they were not counted.
    std::uint64_t turns = 0;
};

/// One round: a server of its own, its clients, and nothing left of them afterwards.
/// @param cycles  how often each connection does its part while it is timed.
/// Throws: `failure`.
round_result measure_round(const contestant& of, const workload& doing, unsigned cycles,
                           const std::string& certificate_file, const std::string& key_file);

}  // namespace bench::lockstep
