#pragma once

#include <cstdint>
#include <ctime>

namespace coil::test {

/// Makes OpenSSL repeatable on the calling thread: from here on its random numbers follow from `seed`. In a program that
/// calls this, the date is the same always, since signatures, certificates and tickets depend on it too.
void make_openssl_deterministic(std::uint64_t seed);

/// What time it is in such a program, always.
inline constexpr std::time_t fixed_date = 1'800'000'000;

}  // namespace coil::test
