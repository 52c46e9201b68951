#include "tests/support/peer_process.hpp"

#include <coil/runtime/timer.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace coil::test {
namespace {

constexpr std::chrono::milliseconds pause{3};
constexpr std::chrono::seconds patience{10};

/// Whether any process listens on `port`, on any address.
bool is_listened_on(std::uint16_t port)
{
    char wanted[8];
    std::snprintf(wanted, sizeof wanted, ":%04X", port);
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream lines(table);
        for (std::string line; std::getline(lines, line);) {
            std::istringstream fields(line);
            std::string slot, local, remote, state;
            fields >> slot >> local >> remote >> state;
            if (state == "0A" && local.ends_with(wanted))
                return true;
        }
    }
    return false;
}

task<bool> wait_for(std::function<bool()> met, std::chrono::seconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!met()) {
        if (std::chrono::steady_clock::now() >= deadline)
            co_return false;
        const result<> slept = co_await sleep_for(pause);
        if (!slept)
            co_return false;
    }
    co_return true;
}

}  // namespace

scratch_folder::scratch_folder()
{
    const char* parent = std::getenv("TEST_TMPDIR");
    std::string name = std::string(parent ? parent : "/tmp") + "/coil-peer-XXXXXX";
    if (!::mkdtemp(name.data()))
        throw std::system_error(errno, std::system_category(), name);
    folder_ = name;
}

scratch_folder::~scratch_folder()
{
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::string scratch_folder::write(const std::string& name, const std::string& content) const
{
    std::ofstream file(folder_ / name, std::ios::binary);
    file << content;
    return path(name);
}

std::string scratch_folder::read(const std::string& name) const
{
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

peer_process::peer_process(const std::vector<std::string>& command, const scratch_folder& folder) : folder_(folder)
{
    static std::atomic<int> count{0};
    name_ = "peer" + std::to_string(++count);
    std::signal(SIGPIPE, SIG_IGN);  // a peer may end before it has read everything
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw std::system_error(errno, std::system_category(), "pipe2");
    input_ = ends[1];
    ::fcntl(input_, F_SETFL, O_NONBLOCK);
    ::fcntl(input_, F_SETPIPE_SZ, 1024 * 1024);

    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    const std::string out = folder.path(name_ + ".out");
    const std::string err = folder.path(name_ + ".err");
    ::posix_spawn_file_actions_adddup2(&files, ends[0], 0);
    ::posix_spawn_file_actions_addopen(&files, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::posix_spawn_file_actions_addopen(&files, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t own_way;
    ::sigemptyset(&own_way);
    ::sigaddset(&own_way, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes, &own_way);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> arguments;
    for (const std::string& word : command)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const int error = ::posix_spawnp(&id_, arguments.front(), &files, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    ::close(ends[0]);
    if (error != 0) {
        ::close(input_);
        throw std::system_error(error, std::system_category(), "cannot start " + command.front());
    }
}

peer_process::~peer_process()
{
    end_input();
    if (has_ended())
        return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
}

task<bool> peer_process::feed(std::string_view text)
{
    while (!text.empty()) {
        const ssize_t written = ::write(input_, text.data(), text.size());
        if (written > 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
            continue;
        }
        if (errno != EAGAIN)
            co_return false;
        const result<> slept = co_await sleep_for(pause);
        if (!slept)
            co_return false;
    }
    co_return true;
}

void peer_process::end_input() noexcept
{
    if (input_ >= 0)
        ::close(input_);
    input_ = -1;
}

bool peer_process::has_ended() noexcept
{
    int status = 0;
    if (!exit_code_ && ::waitpid(id_, &status, WNOHANG) == id_)
        exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return exit_code_.has_value();
}

task<bool> peer_process::listens(std::uint16_t port)
{
    bool found = false;
    auto waiting = wait_for([&] { return (found = is_listened_on(port)) || has_ended(); }, patience);
    const bool over = co_await waiting;
    co_return over && found;
}

task<bool> peer_process::says(std::string text)
{
    bool found = false;
    const auto look = [&] {
        const bool ended = has_ended();
        found = output().find(text) != std::string::npos;
        return found || ended;
    };
    auto waiting = wait_for(look, patience);
    const bool over = co_await waiting;
    co_return over && found;
}

task<std::optional<int>> peer_process::exited(std::chrono::seconds limit)
{
    auto waiting = wait_for([this] { return has_ended(); }, limit);
    const bool over = co_await waiting;
    static_cast<void>(over);
    co_return exit_code_;
}

void peer_process::signal(int number) const noexcept
{
    if (!exit_code_)
        ::kill(id_, number);
}

std::uint16_t free_port()
{
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    ::bind(descriptor, reinterpret_cast<sockaddr*>(&where), size);
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&where), &size);
    ::close(descriptor);
    return ntohs(where.sin_port);
}

std::string node_program()
{
    const char* program = std::getenv("COIL_NODE");
    if (!program)
        throw std::runtime_error("COIL_NODE does not say where Node 20 is; run tools/setup");
    return program;
}

}  // namespace coil::test
