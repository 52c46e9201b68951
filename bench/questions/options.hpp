#pragma once

#include "bench/questions/question_table.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bench::questions {

enum class part { time, memory, others };

/// What a run is to do.
struct questions_options {
    /// Of the echoing connections together, per second.
    double echoes = 5000;
    /// That begin per second while others echo.
    double arrivals = 500;
    std::size_t handshakes = 10'000;
    std::string json_file;
    std::set<part> parts;
    std::vector<const question*> questions;
    unsigned rounds = 5;
    /// For which echoes are measured.
    double seconds = 2;
    /// In each question.
    std::chrono::milliseconds wait{50};
};

/// Memory hardly changes from one measurement to the next, which takes long.
inline constexpr unsigned most_memory_rounds = 3;

/// @return none if only help was asked for, which it has then printed. Throws: `usage_error`.
std::optional<questions_options> parse_options(int count, const char* const* words);

}  // namespace bench::questions
