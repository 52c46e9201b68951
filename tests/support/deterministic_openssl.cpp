// OpenSSL has marked RAND_set_rand_method as deprecated and has nothing else that replaces its random numbers in the
// default library context, which is the one that TLS contexts live in.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "tests/support/deterministic_openssl.hpp"

#include <openssl/rand.h>

#include <cstddef>
#include <cstdlib>

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace coil::test {
namespace {

thread_local std::uint64_t random_state = 0;

int random_bytes(unsigned char* out, int size)
{
    for (int i = 0; i < size; ++i) {
        random_state += 0x9e3779b97f4a7c15;
        std::uint64_t mixed = random_state;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        out[i] = static_cast<unsigned char>(mixed >> 56);
    }
    return 1;
}

int always_seeded()
{
    return 1;
}

}  // namespace

void make_openssl_deterministic(std::uint64_t seed)
{
    static const bool installed = [] {
        static RAND_METHOD method{};
        method.bytes = random_bytes;
        method.pseudorand = random_bytes;
        method.status = always_seeded;
        return RAND_set_rand_method(&method) == 1;
    }();
    if (!installed)
        std::abort();
    random_state = seed * 2 + 1;
}

}  // namespace coil::test

// The program's own functions come before those of the C library, for OpenSSL too.
extern "C" {

std::time_t time(std::time_t* out) noexcept
{
    if (out)
        *out = coil::test::fixed_date;
    return coil::test::fixed_date;
}

int gettimeofday(timeval* __restrict out, void* __restrict) noexcept
{
    *out = {coil::test::fixed_date, 0};
    return 0;
}

int clock_gettime(clockid_t clock, timespec* out) noexcept
{
    if (clock != CLOCK_REALTIME)
        return static_cast<int>(::syscall(SYS_clock_gettime, clock, out));
    *out = {coil::test::fixed_date, 0};
    return 0;
}
}
