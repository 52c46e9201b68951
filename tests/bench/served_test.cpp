#include "bench/served.hpp"

#include "bench/protocol.hpp"
#include "tests/tools/command.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <sched.h>

using bench::system_kind;

namespace {

/// Two processors that this process may use, or the only one.
bench::processors some_processors()
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    BOOST_REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    bench::processors chosen;
    for (int number = 0; number < CPU_SETSIZE && chosen.servers.size() < 2; ++number)
        if (CPU_ISSET(number, &allowed))
            chosen.servers.push_back(number);
    chosen.server = chosen.servers.at(0);
    chosen.generator = chosen.servers.back();
    return chosen;
}

/// What a server of this kind is told and given where the servers under test have two threads: "THREADS PROCESSORS".
std::string told(system_kind kind, const bench::processors& where)
{
    const coil::test::temporary_folder folder;
    const std::string file = folder.path("told");
    bench::system of;
    of.kind = kind;
    of.speaks = {};
    of.command = [file](const bench::server_settings& settings) -> std::vector<std::string> {
        return {"/bin/sh", "-c", "echo $1 $(nproc) > $0.new && mv $0.new $0 && exec sleep 60", file,
                std::to_string(settings.threads)};
    };
    const bench::credentials with(bench::key_type::ecdsa_p256);
    const bench::served running(of, with, where, 2);
    BOOST_TEST((running.where().servers == (kind == system_kind::server ? where.servers : std::vector{where.server})));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!std::filesystem::exists(file) && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return coil::test::read_file(file);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_server_under_test_has_the_threads_and_processors_that_were_asked_for)
{
    const bench::processors where = some_processors();
    BOOST_TEST(told(system_kind::server, where) == "2 " + std::to_string(where.servers.size()) + "\n");
}

BOOST_AUTO_TEST_CASE(a_server_of_the_floor_has_one_thread_and_one_processor)
{
    BOOST_TEST(told(system_kind::tcp_floor, some_processors()) == "1 1\n");
}

BOOST_AUTO_TEST_CASE(where_nothing_is_pinned_the_floor_is_not_either)
{
    BOOST_TEST(bench::first_of(bench::processors()).servers.empty());
}
