#include "bench/process.hpp"

#include "bench/failure.hpp"
#include "bench/processors.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace bench {
namespace {

std::vector<std::string>& leading_words()
{
    static std::vector<std::string> words;
    return words;
}

/// Only what may be called between fork and exec in a program with threads.
[[noreturn]] void become(const std::vector<char*>& words, const std::vector<int>& processors, int input, int output,
                         int complaint)
{
    setsid();
    std::signal(SIGPIPE, SIG_DFL);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    if (!processors.empty())
        stay_on(processors);
    execvp(words.front(), words.data());
    const int reason = errno;
    static_cast<void>(!write(complaint, &reason, sizeof reason));
    _exit(127);
}

/// Returns when the program runs, in a group of its own. Throws: `failure` if it cannot.
pid_t start(const std::vector<std::string>& command, const std::vector<int>& processors, int input, int output,
            bool follows)
{
    std::vector<char*> words;
    for (const std::string& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    int complaint[2];
    if (pipe2(complaint, O_CLOEXEC) != 0)
        throw system_failure("cannot make a pipe");
    const pid_t parent = getpid();
    const pid_t id = fork();
    if (id == 0) {
        if (follows) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent)
                _exit(1);
        }
        become(words, processors, input, output, complaint[1]);
    }
    const int fork_error = errno;
    close(complaint[1]);
    int reason = 0;
    ssize_t size = 0;
    if (id > 0)
        while ((size = read(complaint[0], &reason, sizeof reason)) < 0 && errno == EINTR)
            ;
    close(complaint[0]);
    if (id > 0 && size == 0)
        return id;
    if (id > 0)
        waitpid(id, nullptr, 0);
    errno = id < 0 ? fork_error : reason;
    throw system_failure("cannot start " + command.front());
}

/// A process that kills a group when the other end of its input goes without a word, which it does when its owner ends in
/// whatever way. A signal that the kernel sends at a parent's end reaches children only, and no grandchildren.
pid_t start_guard(pid_t group, int input, int output)
{
    return start({"/bin/sh", "-c", "read -r word || kill -s KILL -- \"-$1\"", "sh", std::to_string(group)}, {}, input,
                 output, false);
}

std::string describe_end(bool by_signal, int number)
{
    return (by_signal ? "was ended by signal " : "ended with status ") + std::to_string(number);
}

/// A process as /proc shows it.
struct member {
    pid_t id;
    /// Of its children that have ended.
    std::chrono::nanoseconds of_ended;
};

std::optional<member> read_member(pid_t id, pid_t group)
{
    std::ifstream file("/proc/" + std::to_string(id) + "/stat");
    const std::string line{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const std::size_t name_end = line.rfind(')');  // the name may hold anything
    if (name_end == line.npos)
        return std::nullopt;
    std::istringstream words(line.substr(name_end + 1));
    const std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
    constexpr std::size_t group_field = 2, user_field = 13, system_field = 14;
    if (fields.size() <= system_field || fields[group_field] != std::to_string(group))
        return std::nullopt;
    const std::chrono::nanoseconds tick(1'000'000'000 / sysconf(_SC_CLK_TCK));
    return member{id, (std::stoll(fields[user_field]) + std::stoll(fields[system_field])) * tick};
}

std::vector<member> members_of(pid_t group)
{
    std::vector<member> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const std::string name = entry.path().filename().string();
        pid_t id = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), id).ec != std::errc())
            continue;
        if (const std::optional<member> one = read_member(id, group))
            found.push_back(*one);
    }
    return found;
}

/// None if it has ended meanwhile.
std::optional<std::chrono::nanoseconds> time_of(pid_t id)
{
    clockid_t clock;
    timespec now;
    if (clock_getcpuclockid(id, &clock) != 0 || clock_gettime(clock, &now) != 0)
        return std::nullopt;
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// None if it has ended meanwhile.
std::optional<std::size_t> memory_of(pid_t id)
{
    std::ifstream file("/proc/" + std::to_string(id) + "/smaps_rollup");
    for (std::string word; file >> word;) {
        std::size_t kibibytes = 0;
        if (word == "Pss:" && file >> kibibytes)
            return kibibytes * 1024;
    }
    return std::nullopt;
}

void close_all(std::initializer_list<int> descriptors)
{
    for (const int one : descriptors)
        if (one >= 0)
            close(one);
}

}  // namespace

std::vector<std::string> this_program(const std::vector<std::string>& arguments)
{
    std::vector<std::string> command{"/proc/self/exe"};
    std::ranges::copy(leading_words(), std::back_inserter(command));
    std::ranges::copy(arguments, std::back_inserter(command));
    return command;
}

void set_leading_words(std::vector<std::string> words)
{
    leading_words() = std::move(words);
}

process::process(std::string name, const std::vector<std::string>& command, const std::vector<int>& processors,
                 output what)
    : name_(std::move(name))
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // so that the destructor can wait for grandchildren
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int printed[2] = {-1, -1};
    int lifeline[2] = {-1, -1};
    if (null < 0 || (what == output::kept && pipe2(printed, O_CLOEXEC) != 0) || pipe2(lifeline, O_CLOEXEC) != 0) {
        const failure reason = system_failure("cannot start " + name_);
        close_all({null, printed[0], printed[1]});
        throw reason;
    }
    output_ = printed[0];
    lifeline_ = lifeline[1];
    try {
        id_ = start(command, processors, null, what == output::kept ? printed[1] : null, true);
        guard_ = start_guard(id_, lifeline[0], null);
    } catch (const failure&) {
        if (id_ > 0)
            end();
        close_all({null, printed[0], printed[1], lifeline[0], lifeline[1]});
        throw;
    }
    close_all({null, printed[1], lifeline[0]});
}

process::process(process&& other) noexcept
    : name_(std::move(other.name_)),
      id_(std::exchange(other.id_, -1)),
      guard_(std::exchange(other.guard_, -1)),
      output_(std::exchange(other.output_, -1)),
      lifeline_(std::exchange(other.lifeline_, -1))
{
}

process::~process()
{
    if (id_ > 0)
        end();
    if (lifeline_ >= 0)
        static_cast<void>(!write(lifeline_, "\n", 1));
    if (guard_ > 0)
        waitpid(guard_, nullptr, 0);
    close_all({output_, lifeline_});
}

void process::end() noexcept
{
    kill(-id_, SIGKILL);
    waitpid(id_, nullptr, 0);
    while (waitpid(-id_, nullptr, 0) > 0 || errno == EINTR)
        ;
    id_ = -1;
}

std::string process::finish(std::chrono::seconds limit)
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
    siginfo_t ended = {};
    waitid(P_PID, static_cast<id_t>(id_), &ended, WEXITED | WNOWAIT);
    end();
    if (ended.si_code != CLD_EXITED || ended.si_status != 0)
        throw failure(name_ + " " + describe_end(ended.si_code != CLD_EXITED, ended.si_status));
    return text;
}

std::chrono::nanoseconds process::cpu_time() const
{
    std::chrono::nanoseconds sum{};
    bool found = false;
    for (const member& one : members_of(id_)) {
        const std::optional<std::chrono::nanoseconds> own = time_of(one.id);
        sum += own.value_or(std::chrono::nanoseconds()) + one.of_ended;
        found = found || own;
    }
    if (!found)
        throw failure("cannot read the processor time of " + name_);
    return sum;
}

std::size_t process::memory() const
{
    std::size_t sum = 0;
    for (const member& one : members_of(id_))
        sum += memory_of(one.id).value_or(0);
    if (sum == 0)
        throw failure("cannot read the memory use of " + name_);
    return sum;
}

void process::check_running()
{
    if (id_ < 0)
        throw failure(name_ + " is not running");
    // It is not waited for in full, so that its id keeps standing for its group until that is gone as well.
    siginfo_t ended = {};
    waitid(P_PID, static_cast<id_t>(id_), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (ended.si_pid == id_)
        throw failure(name_ + " " + describe_end(ended.si_code != CLD_EXITED, ended.si_status));
}

}  // namespace bench
