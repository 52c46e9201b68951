#include "bench/witness.hpp"

#include <algorithm>

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

std::chrono::nanoseconds own_time()
{
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

std::chrono::nanoseconds children_time()
{
    rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

witness::witness(const processors& of) : of_(of), use_(read_use(of_)), own_(own_time()), begin_(clock::now()) {}

void witness::tell(sample& into, std::chrono::nanoseconds server) const
{
    const std::chrono::duration<double, std::nano> wall = clock::now() - begin_;
    const processor_use after = read_use(of_);
    const bool apart = std::ranges::find(of_.servers, of_.generator) == of_.servers.end();
    const long count = of_.server < 0 ? sysconf(_SC_NPROCESSORS_ONLN) : std::ssize(of_.servers) + (apart ? 1 : 0);
    const double total = static_cast<double>(count) * wall.count();
    const auto others = (after.busy - use_.busy - server - (own_time() - own_)).count();
    into.others = std::max(0.0, static_cast<double>(others) / total);
    into.stolen = static_cast<double>((after.stolen - use_.stolen).count()) / total;
}

}  // namespace bench
