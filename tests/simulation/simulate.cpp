// Runs the simulated programs over many seeds, on all processors, and says how to repeat what failed.
#include "tests/simulation/scene.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

using coil::test::program;
using std::chrono::steady_clock;

/// What a seed may take of a processor before it is said to hang, and how long it may last without: a process that waits
/// behind others for a processor does not hang.
constexpr std::chrono::seconds longest_work{60};
constexpr std::chrono::minutes longest_wait{30};

struct plan {
    std::uint64_t from = 0;
    std::uint64_t seeds = 1000;
    std::uint64_t processes = 1;
    std::string program;
    std::string backend;
    bool trace = false;
};

/// What a process tells about itself, in memory that all share.
struct state {
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> seed{0};
    std::atomic<std::size_t> program{0};
    std::atomic<coil::backend> backend{coil::backend::automatic};
};

std::string names_of_programs()
{
    std::string names;
    for (const program& each : coil::test::programs())
        names += " " + std::string(each.name);
    return names;
}

void print_event(std::string_view line)
{
    std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
}

/// @return whether all went well.
bool play_seed(const plan& of, std::uint64_t seed, coil::backend on, state& here)
{
    const std::vector<program>& all = coil::test::programs();
    here.backend = on;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!of.program.empty() && all[i].name != of.program)
            continue;
        here.program = i;
        try {
            const std::uint64_t hash = coil::test::play(all[i], seed, on, of.trace ? print_event : nullptr);
            if (of.seeds == 1)
                std::printf("%s on %s, seed %llu: trace hash %016llx\n", std::string(all[i].name).c_str(),
                            to_string(on), static_cast<unsigned long long>(seed),
                            static_cast<unsigned long long>(hash));
        } catch (const std::exception& failure) {
            std::fflush(stdout);
            std::fprintf(stderr, "\n%s\n", failure.what());
            return false;
        }
    }
    return true;
}

bool play_seed(const plan& of, std::uint64_t seed, state& here)
{
    here.seed = seed;
    for (const coil::backend each : coil::test::backends)
        if ((of.backend.empty() || of.backend == to_string(each)) && !play_seed(of, seed, each, here))
            return false;
    ++here.done;
    return true;
}

[[noreturn]] void work(const plan& of, std::uint64_t offset, state& here)
{
    for (std::uint64_t i = offset; i < of.seeds; i += of.processes)
        if (!play_seed(of, of.from + i, here))
            ::_exit(1);
    ::_exit(0);
}

/// @return the processor time that a process has had.
std::chrono::nanoseconds work_of(pid_t process)
{
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
        return {};
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

/// When a process began its seed.
struct beginning {
    std::uint64_t seed = ~0ULL;
    steady_clock::time_point time;
    std::chrono::nanoseconds work{};
};

void say_how_to_repeat(const state& where, const char* what)
{
    const std::string name(coil::test::programs()[where.program].name);
    const auto seed = static_cast<unsigned long long>(where.seed);
    const char* const on = to_string(where.backend.load());
    std::fprintf(stderr,
                 "FAILED: %s on %s, seed %llu: %s\n"
                 "to repeat it: tools/dev simulate --backend %s --program %s --from %llu --seeds 1 --trace\n",
                 name.c_str(), on, seed, what, on, name.c_str(), seed);
}

void show_progress(const plan& of, const std::vector<state*>& states, steady_clock::time_point start, bool last)
{
    std::uint64_t done = 0;
    for (const state* each : states)
        done += each->done;
    const double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    const double rate = static_cast<double>(done) / std::max(seconds, 0.001);
    const double left = rate > 0 ? static_cast<double>(of.seeds - done) / rate : 0;
    const bool moving = ::isatty(STDERR_FILENO);
    std::fprintf(stderr, "%s%llu of %llu seeds, %.0f a second, %.0f s, %.0f s left%s", moving ? "\r\033[K" : "",
                 static_cast<unsigned long long>(done), static_cast<unsigned long long>(of.seeds), rate, seconds, left,
                 moving && !last ? "" : "\n");
}

/// Watches the processes until all have ended or one has failed, which ends the others. @return whether all went well.
bool watch(const plan& of, std::vector<pid_t> processes, const std::vector<state*>& states)
{
    const steady_clock::time_point start = steady_clock::now();
    steady_clock::time_point shown = start;
    std::vector<beginning> since(processes.size(), beginning{.time = start});
    const auto interval = ::isatty(STDERR_FILENO) ? std::chrono::milliseconds(500) : std::chrono::seconds(20);
    bool good = true;
    while (good && std::any_of(processes.begin(), processes.end(), [](pid_t each) { return each > 0; })) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const steady_clock::time_point now = steady_clock::now();
        for (std::size_t i = 0; i < processes.size() && good; ++i) {
            if (processes[i] <= 0)
                continue;
            int status = 0;
            if (::waitpid(processes[i], &status, WNOHANG) == processes[i]) {
                processes[i] = 0;
                good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
                if (!good)
                    say_how_to_repeat(*states[i], WIFSIGNALED(status) ? ::strsignal(WTERMSIG(status)) : "see above");
            } else if (states[i]->seed != since[i].seed) {
                since[i] = {states[i]->seed, now, work_of(processes[i])};
            } else if (now - since[i].time > longest_wait || work_of(processes[i]) - since[i].work > longest_work) {
                say_how_to_repeat(*states[i], "it hangs");
                good = false;
            }
        }
        if (good && now - shown > interval) {
            shown = now;
            show_progress(of, states, start, false);
        }
    }
    for (const pid_t each : processes)
        if (each > 0) {
            ::kill(each, SIGKILL);
            ::waitpid(each, nullptr, 0);
        }
    show_progress(of, states, start, true);
    return good;
}

bool simulate(const plan& of)
{
    void* memory =
        ::mmap(nullptr, sizeof(state) * of.processes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::bad_alloc();
    std::vector<state*> states;
    std::vector<pid_t> processes;
    for (std::uint64_t i = 0; i < of.processes; ++i) {
        states.push_back(::new (static_cast<state*>(memory) + i) state);
        processes.push_back(::fork());
        if (processes.back() == 0)
            work(of, i, *states.back());
    }
    return watch(of, std::move(processes), states);
}

}  // namespace

int main(int argc, char** argv)
{
    namespace options = boost::program_options;
    plan wanted;
    options::options_description known("simulate: TLS programs without a kernel, seed after seed");
    known.add_options()("help", "this text");
    known.add_options()("from", options::value(&wanted.from), "the first seed (0)");
    known.add_options()("seeds", options::value(&wanted.seeds), "how many seeds (1000)");
    known.add_options()("processes",
                        options::value(&wanted.processes)->default_value(std::thread::hardware_concurrency()),
                        "how many at once");
    known.add_options()("program", options::value(&wanted.program), ("only this one:" + names_of_programs()).c_str());
    known.add_options()("backend", options::value(&wanted.backend),
                        "only on this one: io_uring epoll (each seed on both)");
    known.add_options()("trace", options::bool_switch(&wanted.trace), "print everything that happens");
    try {
        options::variables_map given;
        options::store(options::parse_command_line(argc, argv, known), given);
        options::notify(given);
        if (given.contains("help")) {
            std::cout << known;
            return 0;
        }
        const std::vector<program>& all = coil::test::programs();
        const auto named = [&wanted](const program& each) { return each.name == wanted.program; };
        if (!wanted.program.empty() && std::none_of(all.begin(), all.end(), named))
            throw options::error("there is no program " + wanted.program);
        const auto on_it = [&wanted](coil::backend each) { return wanted.backend == to_string(each); };
        if (!wanted.backend.empty() && std::none_of(coil::test::backends.begin(), coil::test::backends.end(), on_it))
            throw options::error("there is no simulated backend " + wanted.backend);
        wanted.processes = std::clamp<std::uint64_t>(wanted.processes, 1, std::max<std::uint64_t>(wanted.seeds, 1));
        if (wanted.seeds != 1)
            return simulate(wanted) ? 0 : 1;
        state only;
        return play_seed(wanted, wanted.from, only) ? 0 : 1;
    } catch (const options::error& mistake) {
        std::cerr << "simulate: " << mistake.what() << "\n" << known;
        return 2;
    }
}
