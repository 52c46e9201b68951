#include <coil/runtime/internal/ring/processors.hpp>

#include <algorithm>
#include <thread>

#include <sched.h>

namespace coil::internal {

unsigned usable_processors() noexcept
{
    cpu_set_t ours;
    CPU_ZERO(&ours);
    if (::sched_getaffinity(0, sizeof ours, &ours) == 0)
        return static_cast<unsigned>(std::max(CPU_COUNT(&ours), 1));
    return std::max(std::thread::hardware_concurrency(), 1U);
}

}  // namespace coil::internal
