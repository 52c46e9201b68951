#pragma once

#include "bench/questions/measurement.hpp"
#include "bench/questions/options.hpp"

#include <string>
#include <vector>

namespace bench::questions {

/// All rounds of one row.
template <class Round>
struct measured {
    row of;
    std::vector<Round> rounds;
    /// Why there are no more; empty if there are all.
    std::string failure;
};

/// What a run found out. In each part the row without a handler comes first, and those of one round were measured one after
/// the other. Parts that were not asked for are empty.
struct findings {
    std::vector<measured<time_round>> time;
    std::vector<measured<memory_round>> memory;
    std::vector<measured<others_round>> arrivals;
    std::vector<measured<others_round>> parked;
    /// Share of both processors' time that other programs had.
    double others_share = 0;
};

/// Tables for people, and what was aimed at.
std::string to_text(const findings& found, const questions_options& options);
std::string to_json(const findings& found, const questions_options& options);

/// What was aimed at: bytes of a waiting handshake beyond an ordinary one, and by what the p99 of others may grow.
inline constexpr double most_bytes_more = 24 * 1024;
inline constexpr double most_growth = 1.1;

}  // namespace bench::questions
