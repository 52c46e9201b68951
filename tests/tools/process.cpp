#include "tests/tools/process.hpp"

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coil::test {
namespace {

int memory_file(const std::string& contents)
{
    const int descriptor = ::memfd_create("process", MFD_CLOEXEC);
    if (descriptor < 0 ||
        ::pwrite(descriptor, contents.data(), contents.size(), 0) != static_cast<ssize_t>(contents.size()))
        throw std::runtime_error("memfd_create");
    return descriptor;
}

std::string contents_of(int descriptor)
{
    std::string text;
    char block[64 * 1024];
    for (ssize_t size = 0; (size = ::pread(descriptor, block, sizeof block, static_cast<off_t>(text.size()))) > 0;)
        text.append(block, static_cast<std::size_t>(size));
    return text;
}

void become(std::vector<char*>& arguments, const int (&streams)[3], bool limited)
{
    for (int i = 0; i < 3; ++i)
        ::dup2(streams[i], i);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (limited)
        for (const int right : {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_NET_BIND_SERVICE})
            ::prctl(PR_CAPBSET_DROP, right);
    ::execvp(arguments.front(), arguments.data());
    ::_exit(127);
}

}  // namespace

process::process(std::vector<std::string> arguments, const std::string& input, bool limited)
    : input_(memory_file(input)), output_(memory_file("")), errors_(memory_file(""))
{
    std::vector<char*> pointers;
    for (std::string& argument : arguments)
        pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0)
        become(pointers, {input_, output_, errors_}, limited);
}

process::~process()
{
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    for (const int descriptor : {input_, output_, errors_})
        ::close(descriptor);
}

void process::send_signal(int number) const
{
    if (pid_ > 0)
        ::kill(pid_, number);
}

std::string process::output() const
{
    return contents_of(output_);
}

finished_process process::wait(std::chrono::seconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    int status = 0;
    bool ended = false;
    while (!(ended = ::waitpid(pid_, &status, WNOHANG) == pid_) && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (!ended) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, &status, 0);
    }
    pid_ = -1;
    finished_process how{.output = contents_of(output_), .errors = contents_of(errors_)};
    if (ended)
        how.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return how;
}

finished_process run(std::vector<std::string> arguments, const std::string& input, bool limited)
{
    process child(std::move(arguments), input, limited);
    return child.wait();
}

}  // namespace coil::test
