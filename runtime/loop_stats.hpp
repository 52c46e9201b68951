#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace coil {

/// Why an operation that completes many times was started again.
enum class rearm_reason : std::uint8_t {
    ended,          ///< The kernel ended it without an error, as it does when completions overflow.
    failed,         ///< Accept: a connection failed before it was taken.
    exhausted,      ///< Accept: descriptors or memory had run out.
    no_buffer,      ///< Receive: it found the buffer pool empty.
    back_pressure,  ///< Receive: it was cancelled because nobody read.
    bulk,           ///< Receive: large single ones had taken its place.
};

/// How often operations that complete many times were started again, reason by reason.
class rearm_counts {
public:
    std::uint64_t& operator[](rearm_reason why) noexcept { return counts_[static_cast<std::size_t>(why)]; }
    std::uint64_t operator[](rearm_reason why) const noexcept { return counts_[static_cast<std::size_t>(why)]; }
    std::uint64_t total() const noexcept;

    rearm_counts& operator+=(const rearm_counts& other) noexcept;

private:
    std::array<std::uint64_t, static_cast<std::size_t>(rearm_reason::bulk) + 1> counts_{};
};

/// What a loop has done and holds.
struct loop_stats {
    std::uint64_t turns = 0;          ///< Entries into the kernel.
    std::uint64_t submissions = 0;    ///< Requests handed to the kernel.
    std::uint64_t completions = 0;    ///< Completions taken.
    std::uint64_t backlogged = 0;     ///< Requests that found the submission queue full and had to wait.
    std::uint64_t cancellations = 0;  ///< Operations that were to end early.
    std::uint64_t wake_ups = 0;       ///< Times that another thread woke the loop out of its sleep.

    /// Turns that began with the completion queue overflowing: the kernel keeps what does not fit and hands it over later.
    std::uint64_t completion_overflows = 0;
    /// Completions that the kernel had no memory to keep. What waits for them waits for ever.
    std::uint64_t lost_completions = 0;

    std::uint64_t buffer_shortages = 0;  ///< Receives that found the buffer pool empty.
    unsigned receive_buffers_lent = 0;   ///< Receive buffers that hold unread bytes now.
    /// The fewest buffers that the pool has ever had left, of several loops the lowest of all; none where there is no pool.
    std::optional<unsigned> fewest_buffers_left;

    rearm_counts accept_rearms;
    rearm_counts receive_rearms;
    std::uint64_t accept_pauses = 0;  ///< Times that accepting stopped for a moment, for want of descriptors or memory.
    std::uint64_t refused_connections = 0;  ///< Connections taken with the descriptor kept in reserve, and closed.

    std::size_t operations = 0;  ///< Operations in flight now.
    std::size_t timers = 0;      ///< Timers set now.

    /// Adds those of another loop.
    loop_stats& operator+=(const loop_stats& other) noexcept;
    /// One line for people, without the counts that are 0.
    std::string to_string() const;
};

}  // namespace coil
