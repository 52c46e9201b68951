#include "bench/processors.hpp"

#include <fstream>
#include <sstream>
#include <vector>

#include <sched.h>
#include <unistd.h>

namespace bench {

processors choose_processors()
{
    processors chosen;
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        chosen.complaint = "cannot ask which processors may be used: nothing is pinned";
        return chosen;
    }
    std::vector<int> usable;
    for (int number = 0; number < CPU_SETSIZE; ++number)
        if (CPU_ISSET(number, &allowed))
            usable.push_back(number);
    if (usable.size() < 2)
        chosen.complaint = "only one processor may be used: server and load generator share it";
    chosen.server = usable.front();
    chosen.generator = usable.size() < 2 ? usable.front() : usable[1];
    if (!stay_on(chosen.generator)) {
        chosen = {};
        chosen.complaint = "no permission to pin processes to processors: expect noise";
    }
    return chosen;
}

bool stay_on(int processor) noexcept
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(processor, &only);
    return sched_setaffinity(0, sizeof only, &only) == 0;
}

processor_use read_use(const processors& of)
{
    const std::chrono::nanoseconds tick(1'000'000'000 / sysconf(_SC_CLK_TCK));
    processor_use sum;
    std::ifstream file("/proc/stat");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        std::int64_t user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupt = 0, soft = 0, stolen = 0;
        words >> name >> user >> nice >> system >> idle >> waiting >> interrupt >> soft >> stolen;
        const bool counted =
            of.server < 0 ? name == "cpu"
                          : name == "cpu" + std::to_string(of.server) || name == "cpu" + std::to_string(of.generator);
        if (counted) {
            sum.busy += (user + nice + system + interrupt + soft) * tick;
            sum.stolen += stolen * tick;
        }
    }
    return sum;
}

}  // namespace bench
