#include "bench/processors.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <sched.h>
#include <unistd.h>

namespace bench {

processors choose_processors(unsigned threads)
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
    else if (usable.size() <= threads)
        chosen.complaint = "only " + std::to_string(usable.size()) +
                           " processors may be used: the load generator shares "
                           "one of them with the server's " +
                           std::to_string(threads) + " threads";
    const std::size_t count = std::min<std::size_t>(threads, usable.size());
    chosen.servers.assign(usable.begin(), usable.begin() + static_cast<std::ptrdiff_t>(count));
    chosen.server = usable.front();
    chosen.generator = usable[std::min(count, usable.size() - 1)];
    if (!stay_on({chosen.generator})) {
        chosen = {};
        chosen.complaint = "no permission to pin processes to processors: expect noise";
    }
    return chosen;
}

processors first_of(const processors& all)
{
    processors only = all;
    if (!only.servers.empty())
        only.servers = {all.server};
    return only;
}

bool stay_on(const std::vector<int>& processors) noexcept
{
    cpu_set_t only;
    CPU_ZERO(&only);
    for (const int one : processors)
        CPU_SET(one, &only);
    return sched_setaffinity(0, sizeof only, &only) == 0;
}

processor_use read_use(const processors& of)
{
    std::vector<std::string> names{"cpu" + std::to_string(of.generator)};
    for (const int one : of.servers)
        names.push_back("cpu" + std::to_string(one));
    if (of.server < 0)
        names = {"cpu"};
    const std::chrono::nanoseconds tick(1'000'000'000 / sysconf(_SC_CLK_TCK));
    processor_use sum;
    std::ifstream file("/proc/stat");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        std::int64_t user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupt = 0, soft = 0, stolen = 0;
        words >> name >> user >> nice >> system >> idle >> waiting >> interrupt >> soft >> stolen;
        if (std::ranges::find(names, name) != names.end()) {
            sum.busy += (user + nice + system + interrupt + soft) * tick;
            sum.stolen += stolen * tick;
        }
    }
    return sum;
}

}  // namespace bench
