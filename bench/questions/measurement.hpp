#pragma once

#include "bench/credentials.hpp"
#include "bench/load/connection.hpp"
#include "bench/openssl.hpp"
#include "bench/processors.hpp"
#include "bench/questions/options.hpp"
#include "bench/questions/question_table.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench::questions {

/// What a line of a table stands for: in which questions handlers wait.
struct row {
    std::string name;
    std::vector<const question*> asked;
};

/// No handler, each question alone, and, where they are several, all of them in turn.
std::vector<row> rows_of(const std::vector<const question*>& chosen);

/// How often each question of the table was asked.
using asked_counts = std::vector<std::size_t>;

/// A crowd that shakes hands at once.
struct time_round {
    double seconds = 0;
    /// Of the server's processor, for one handshake.
    double cpu_nanoseconds = 0;
    asked_counts asked;
};

/// A crowd whose handshakes wait, in a question or, without one, for the client.
struct memory_round {
    /// For one handshake, in bytes.
    double waiting = 0;
    /// The same when all have ended: what the process keeps, and what is left of that when the allocator returned what is free.
    double kept = 0;
    double left = 0;
    asked_counts asked;
};

/// Echoes of others meanwhile.
struct others_round {
    /// Nanoseconds that half of the echoes took at most, 99 and 99.9 in 100.
    std::array<double, 3> took = {};
    /// Handshakes that ended, per second.
    double handshakes = 0;
    asked_counts asked;
};

/// Clients are stock OpenSSL, each server a process of its own. All of these check what the server has asked, and throw
/// `failure`.
class measurement {
public:
    explicit measurement(const questions_options& options);

    time_round measure_time(const row& of) const;
    /// @param of  asks one question or none.
    memory_round measure_memory(const row& of) const;
    /// Others echo while handshakes arrive at their rate.
    others_round measure_arrivals(const row& of) const;
    /// Others echo while a crowd waits, or is idle where nobody asks. @param of  asks one question or none.
    others_round measure_parked(const row& of) const;

    const processors& where() const noexcept { return where_; }

private:
    bench::target target_at(std::uint16_t port) const;

    const questions_options* options_;
    credentials credentials_;
    processors where_;
    openssl_ptr<SSL_CTX> clients_;
};

/// Connections of others, which echo.
inline constexpr unsigned others = 100;

}  // namespace bench::questions
