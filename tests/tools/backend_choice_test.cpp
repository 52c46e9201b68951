#include "tests/tools/command.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

using namespace coil;

namespace {

constexpr std::array backends{"io_uring", "epoll"};

/// Runs coil with this in its environment, "NAME=VALUE".
test::finished_process run_with(const std::string& variable, std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), {"env", variable, test::coil_command()});
    return test::run(std::move(arguments));
}

/// That it says one line with all of `words`, and nothing else, and ends with 2.
void check_refused(const test::finished_process& how, const std::vector<std::string>& words)
{
    BOOST_TEST_CONTEXT("said: " << how.errors)
    {
        BOOST_TEST(how.status == 2);
        BOOST_TEST(how.output == "");
        BOOST_TEST(std::ranges::count(how.errors, '\n') == 1);
        for (const std::string& word : words)
            BOOST_TEST((how.errors.find(word) != std::string::npos), "it does not say " << word);
    }
}

/// The program that runs its arguments where io_uring is refused, as in a container.
std::string refuse_io_uring()
{
    return std::filesystem::absolute(std::getenv("REFUSE_IO_URING")).string();
}

std::vector<std::vector<std::string>> commands_with_a_loop()
{
    return {{"serve", "--port", "0", "/"}, {"echo", "--port", "0"}, {"connect", "localhost:1"}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backend_choice_test)

BOOST_AUTO_TEST_CASE(the_version_tells_the_backend)
{
    const test::finished_process how = test::run({test::coil_command(), "--version"});
    BOOST_TEST(how.status == 0);
    BOOST_TEST(how.errors == "");
    BOOST_TEST(std::ranges::count(how.output, '\n') == 2);
    BOOST_TEST(how.output.starts_with("coil 0.1.0\nbackend: "), how.output);
}

BOOST_DATA_TEST_CASE(the_version_tells_the_backend_that_the_environment_asks_for, backends, backend)
{
    const test::finished_process how = run_with("COIL_BACKEND=" + std::string(backend), {"--version"});
    BOOST_TEST(how.status == 0);
    BOOST_TEST((how.output.find("\nbackend: " + std::string(backend)) != std::string::npos), how.output);
    BOOST_TEST((how.output.find("(COIL_BACKEND)") != std::string::npos) == (backend == backends.back()), how.output);
}

BOOST_AUTO_TEST_CASE(the_version_tells_why_there_can_be_no_loop)
{
    const test::finished_process how = run_with("COIL_BACKEND=nonsense", {"--version"});
    BOOST_TEST(how.status == 0);
    BOOST_TEST(how.errors == "");
    BOOST_TEST(
        (how.output.find("\nbackend: none (COIL_BACKEND names an unknown backend \"nonsense\"") != std::string::npos),
        how.output);
}

BOOST_AUTO_TEST_CASE(a_backend_that_does_not_exist_is_refused)
{
    for (std::vector<std::string> call : commands_with_a_loop()) {
        const std::string& command = call.front();
        check_refused(run_with("COIL_BACKEND=nonsense", call),
                      {"coil " + command, "COIL_BACKEND", "\"nonsense\"", "automatic", "io_uring", "epoll"});
        for (const char* name : {"kqueue", "", "EPOLL"}) {
            std::vector<std::string> given = call;
            given.push_back("--backend=" + std::string(name));
            given.insert(given.begin(), test::coil_command());
            if (*name)  // the parser itself refuses an option without its value
                check_refused(test::run(given), {"coil " + command, "--backend", "\"" + std::string(name) + "\"",
                                                 "automatic", "io_uring", "epoll"});
            else
                check_refused(test::run(given), {"coil " + command, "--backend"});
        }
    }
}

BOOST_AUTO_TEST_CASE(a_backend_that_is_demanded_and_refused_is_named_with_its_cure)
{
    for (const std::vector<std::string>& call : commands_with_a_loop())
        for (const std::string& demand : {std::string("COIL_BACKEND=io_uring"), std::string("--backend=io_uring")}) {
            const bool by_option = demand.starts_with("--");
            std::vector<std::string> refused{"env", by_option ? "COIL_BACKEND=automatic" : demand, refuse_io_uring(),
                                             test::coil_command()};
            refused.insert(refused.end(), call.begin(), call.end());
            if (by_option)
                refused.push_back(demand);
            check_refused(test::run(refused),
                          {"coil " + call.front(), "io_uring is refused", "seccomp", "io_uring_setup"});
        }
}

BOOST_AUTO_TEST_CASE(where_io_uring_is_refused_the_command_takes_epoll_and_says_why)
{
    const test::finished_process version =
        test::run({"env", "-u", "COIL_BACKEND", refuse_io_uring(), test::coil_command(), "--version"});
    BOOST_TEST(version.status == 0);
    BOOST_TEST((version.output.find("\nbackend: epoll (io_uring is refused, most likely by the seccomp profile") !=
                std::string::npos),
               version.output);

    test::running_server server({"echo"});
    const test::finished_process client =
        test::run({refuse_io_uring(), test::coil_command(), "connect", "-kNq", server.address()}, "from a container");
    BOOST_TEST(client.status == 0, client.errors);
    BOOST_TEST(client.output == "from a container");
}

// The undefined behaviour sanitizer, which comes along, needs descriptors of its own for what it checks.
#if !defined(__SANITIZE_ADDRESS__)
BOOST_DATA_TEST_CASE(a_limit_on_descriptors_that_leaves_none_for_a_loop_is_named_with_its_cure, backends, backend)
{
    for (const std::string limit : {"4", "6"}) {
        const test::finished_process how =
            test::run({"sh", "-c", "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n " + limit +
                                       "; exec \"$0\" echo --port 0 --backend \"$1\"",
                       test::coil_command(), backend});
        check_refused(how, {"coil echo", "Too many open files", "ulimit -n"});
    }
}
#endif

BOOST_DATA_TEST_CASE(server_and_client_on_any_backend_understand_each_other, backends, served)
{
    const std::string name = served;
    test::running_server server({"echo", "--backend", name});
    for (const std::string client : backends) {
        const test::finished_process how = test::run(
            {test::coil_command(), "connect", "-kNq", "--backend", client, server.address()}, "hello from " + client);
        BOOST_TEST(how.status == 0, how.errors);
        BOOST_TEST(how.output == "hello from " + client);
    }
    const test::finished_process ended = server.stop(SIGTERM);
    BOOST_TEST(ended.status == 0);
    BOOST_TEST((ended.output.find(" on epoll. ") != std::string::npos) == (name == "epoll"), ended.output);
}

BOOST_AUTO_TEST_CASE(an_option_has_the_last_word)
{
    test::running_server server({"echo", "--backend", "epoll"});
    const test::finished_process how =
        run_with("COIL_BACKEND=nonsense", {"connect", "-kNq", "--backend", "epoll", server.address()});
    BOOST_TEST(how.status == 0, how.errors);
}

BOOST_AUTO_TEST_SUITE_END()
