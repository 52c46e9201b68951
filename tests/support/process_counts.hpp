#pragma once

#include <coil/runtime/internal/chunk.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <ostream>

namespace coil::test {

/// Open descriptors of the process.
inline std::size_t open_descriptors()
{
    const std::filesystem::directory_iterator folder("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(folder), end(folder))) - 1;  // without the one that reads the folder
}

/// What a test must leave behind as it found it.
struct process_counts {
    std::size_t descriptors = 0;
    std::size_t chunks = 0;
    std::size_t operations = 0;
    std::size_t timers = 0;
    unsigned receive_buffers = 0;

    static process_counts now()
    {
        const loop_stats stats = loop::current().stats();
        return {open_descriptors(), internal::chunks_in_use(), stats.operations, stats.timers, stats.receive_buffers_lent};
    }

    /// Whether nothing was left behind since `before`. There may be fewer descriptors: a thread that worked for an earlier
    /// loop lets go of that loop's when it is done.
    bool back_to(const process_counts& before) const
    {
        return descriptors <= before.descriptors && chunks == before.chunks && operations == before.operations &&
               timers == before.timers && receive_buffers == before.receive_buffers;
    }

    friend std::ostream& operator<<(std::ostream& out, const process_counts& counts)
    {
        return out << counts.descriptors << " descriptors, " << counts.chunks << " chunks, " << counts.operations
                   << " operations, " << counts.timers << " timers, " << counts.receive_buffers << " receive buffers";
    }
};

/// Checks that the counts come back to `before`; what was cancelled takes a turn or two to leave.
inline task<> counts_return_to(process_counts before, std::chrono::milliseconds limit = std::chrono::seconds(5))
{
    const auto give_up = std::chrono::steady_clock::now() + limit;
    process_counts now = process_counts::now();
    while (!now.back_to(before) && std::chrono::steady_clock::now() < give_up) {
        const result<> slept = co_await sleep_for(std::chrono::milliseconds(1));
        BOOST_REQUIRE(slept.has_value());
        now = process_counts::now();
    }
    BOOST_TEST(now.back_to(before), now << " where there were " << before);
}

}  // namespace coil::test
