#include "bench/process.hpp"

#include "bench/failure.hpp"
#include "bench/processors.hpp"

#include <cstdio>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace bench {
namespace {

[[noreturn]] void become(const std::vector<std::string>& arguments, int processor, int output, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    dup2(output, STDOUT_FILENO);
    if (processor >= 0)
        stay_on(processor);
    std::vector<char*> words;
    std::string program = "bench";
    words.push_back(program.data());
    for (const std::string& argument : arguments)
        words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    execv("/proc/self/exe", words.data());
    std::perror("bench: cannot start itself");
    _exit(1);
}

std::string describe(int status)
{
    if (WIFSIGNALED(status))
        return "was ended by signal " + std::to_string(WTERMSIG(status));
    return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

process::process(const std::vector<std::string>& arguments, int processor)
{
    for (const std::string& argument : arguments)
        name_ += name_.empty() ? argument : " " + argument;
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) != 0)
        throw system_failure("cannot make a pipe");
    const pid_t parent = getpid();
    id_ = fork();
    if (id_ == 0)
        become(arguments, processor, pipe_ends[1], parent);
    close(pipe_ends[1]);
    output_ = pipe_ends[0];
    if (id_ < 0) {
        close(output_);
        throw system_failure("cannot start a process");
    }
}

process::process(process&& other) noexcept
    : name_(std::move(other.name_)), id_(std::exchange(other.id_, -1)), output_(std::exchange(other.output_, -1))
{
}

process::~process()
{
    if (id_ > 0) {
        kill(id_, SIGKILL);
        waitpid(id_, nullptr, 0);
    }
    if (output_ >= 0)
        close(output_);
}

std::string process::output(std::chrono::seconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    std::string text;
    char part[4096];
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd waited = {output_, POLLIN, 0};
        if (left.count() <= 0 || poll(&waited, 1, static_cast<int>(left.count())) == 0)
            throw failure(name_ + " took longer than " + std::to_string(limit.count()) + " s");
        const ssize_t size = read(output_, part, sizeof part);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            break;
        text.append(part, static_cast<std::size_t>(size));
    }
    int status = 0;
    if (waitpid(id_, &status, 0) == id_)
        id_ = -1;
    if (status != 0)
        throw failure(name_ + " " + describe(status));
    return text;
}

std::chrono::nanoseconds process::cpu_time() const
{
    clockid_t clock;
    timespec now;
    if (clock_getcpuclockid(id_, &clock) != 0 || clock_gettime(clock, &now) != 0)
        throw failure("cannot read the processor time of " + name_);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::size_t process::memory() const
{
    std::ifstream file("/proc/" + std::to_string(id_) + "/smaps_rollup");
    for (std::string word; file >> word;) {
        std::size_t kibibytes = 0;
        if (word == "Pss:" && file >> kibibytes)
            return kibibytes * 1024;
    }
    throw failure("cannot read the memory use of " + name_);
}

void process::check_running()
{
    int status = 0;
    if (id_ < 0)
        throw failure(name_ + " is not running");
    if (waitpid(id_, &status, WNOHANG) == id_) {
        id_ = -1;
        throw failure(name_ + " " + describe(status));
    }
}

}  // namespace bench
