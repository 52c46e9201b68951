#pragma once

#include <coil/runtime/task.hpp>
#include <coil/tls/tls.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace coil::test {

/// What went through a connection, both ways at once.
struct transfer {
    std::string sent;      ///< Digest.
    std::string received;  ///< Digest.
    std::size_t received_bytes = 0;
    std::string end;       ///< Code of what ended the reading.
};

inline constexpr std::size_t transfer_size = 16 * 1024 * 1024;

/// Sends `size` random bytes and reads `size` bytes at the same time, then ends and reads to the end.
task<transfer> transfer_both_ways(tls::socket& through, std::uint64_t seed, std::size_t size = transfer_size);

}  // namespace coil::test
