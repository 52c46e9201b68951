#include "bench/process.hpp"

#include "bench/failure.hpp"
#include "tests/tools/command.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using bench::failure;
using bench::process;

namespace {

std::vector<std::string> shell(const std::string& script)
{
    return {"/bin/sh", "-c", script};
}

/// @return whether it became true in time.
bool wait_until(const std::function<bool()>& met)
{
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!met()) {
        if (std::chrono::steady_clock::now() >= deadline)
            return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

/// The process id that a script writes into this file.
pid_t read_id(const std::string& file)
{
    const auto has_line = [&] { return coil::test::read_file(file).ends_with('\n'); };
    BOOST_TEST_REQUIRE(wait_until(has_line));
    return static_cast<pid_t>(std::stol(coil::test::read_file(file)));
}

/// Where this process has inherited a process that has ended, it is waited for here.
bool is_gone(pid_t id)
{
    return waitpid(id, nullptr, WNOHANG) == id || kill(id, 0) != 0;
}

std::string busy(int rounds)
{
    return "i=0; while [ $i -lt " + std::to_string(rounds) + " ]; do i=$((i+1)); done";
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_processor_time_of_children_counts)
{
    const process parent("parent", shell("(while :; do :; done) & wait"), {});
    BOOST_TEST(wait_until([&] { return parent.cpu_time() > 100ms; }));
}

BOOST_AUTO_TEST_CASE(the_processor_time_of_children_that_have_ended_counts)
{
    const coil::test::temporary_folder folder;
    const process parent("parent",
                         shell("(" + busy(300'000) + ") & wait; echo > " + folder.path("ended") + "; sleep 60"), {});
    BOOST_TEST_REQUIRE(wait_until([&] { return !coil::test::read_file(folder.path("ended")).empty(); }));
    BOOST_TEST((parent.cpu_time() > 50ms));
}

BOOST_AUTO_TEST_CASE(the_memory_of_children_counts)
{
    const process parent("parent", shell("(x=$(head -c 20000000 /dev/zero | tr '\\0' a); sleep 60) & wait"), {});
    BOOST_TEST(wait_until([&] { return parent.memory() > 15'000'000; }));
}

BOOST_AUTO_TEST_CASE(children_end_with_their_parent)
{
    const coil::test::temporary_folder folder;
    auto parent = std::make_unique<process>("parent", shell("sleep 60 & echo $! > " + folder.path("id") + "; wait"),
                                            std::vector<int>());
    const pid_t child = read_id(folder.path("id"));
    BOOST_TEST(kill(child, 0) == 0);
    parent.reset();
    BOOST_TEST(is_gone(child));
}

BOOST_AUTO_TEST_CASE(children_end_when_their_parent_has_ended_before)
{
    const coil::test::temporary_folder folder;
    auto parent =
        std::make_unique<process>("parent", shell("sleep 60 & echo $! > " + folder.path("id")), std::vector<int>());
    const pid_t child = read_id(folder.path("id"));
    const auto has_ended = [&] {
        try {
            parent->check_running();
            return false;
        } catch (const failure&) {
            return true;
        }
    };
    BOOST_TEST(wait_until(has_ended));
    BOOST_TEST(kill(child, 0) == 0);
    parent.reset();
    BOOST_TEST(is_gone(child));
}

BOOST_AUTO_TEST_CASE(nothing_outlives_an_owner_that_is_killed)
{
    const coil::test::temporary_folder folder;
    const pid_t owner = fork();
    if (owner == 0) {
        const process parent("parent", shell("sleep 60 & echo $! > " + folder.path("id") + "; wait"), {});
        std::ofstream(folder.path("owner")) << getpid() << '\n';
        for (;;)
            pause();
    }
    const pid_t child = read_id(folder.path("id"));
    BOOST_TEST(read_id(folder.path("owner")) == owner);  // it owns the whole of it
    BOOST_TEST(kill(child, 0) == 0);
    kill(owner, SIGKILL);
    waitpid(owner, nullptr, 0);
    BOOST_TEST(wait_until([child] { return is_gone(child); }));
}

BOOST_AUTO_TEST_CASE(an_end_is_told_with_its_reason)
{
    process failing("the server", shell("exit 7"), {}, process::output::kept);
    BOOST_CHECK_EXCEPTION(failing.finish(30s), failure, [](const failure& error) {
        return error.what() == std::string("the server ended with status 7");
    });
    process killed("the server", shell("kill -9 $$"), {}, process::output::kept);
    BOOST_CHECK_EXCEPTION(killed.finish(30s), failure, [](const failure& error) {
        return error.what() == std::string("the server was ended by signal 9");
    });
}

BOOST_AUTO_TEST_CASE(what_a_process_prints_is_kept_on_request)
{
    process printing("printer", shell("echo hello"), {}, process::output::kept);
    BOOST_TEST(printing.finish(30s) == "hello\n");
}
