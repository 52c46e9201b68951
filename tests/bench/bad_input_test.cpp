#include "tests/tools/command.hpp"

#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace json = boost::json;
namespace test = coil::test;

namespace {

std::string command(const char* variable)
{
    return std::filesystem::absolute(std::getenv(variable)).string();
}

test::finished_process run(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), command("MISBEHAVING_COMMAND"));
    return test::run(std::move(arguments));
}

std::string line_of(const test::finished_process& how, const std::string& system)
{
    std::istringstream lines(how.output);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(system + ": "))
            return line.substr(system.size() + 2);
    return "no line";
}

/// Measures a server with this fault and one without, and checks that only the latter has figures.
void check_fault(const std::string& fault, const std::string& reason, const std::string& scenario = "echo-64-1")
{
    const test::finished_process how = run({scenario, fault, "coil"});
    BOOST_TEST_CONTEXT(fault << " said: " << how.output << how.errors)
    {
        BOOST_TEST(how.status == 1);
        const std::string line = line_of(how, fault);
        BOOST_TEST(line.starts_with("0 samples; failure: "));
        BOOST_TEST((line.find(reason) != line.npos), "it does not say " << reason);
        BOOST_TEST(line_of(how, "coil").starts_with("1 samples"));
        BOOST_TEST(line_of(how, "coil").ends_with("failure: "));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bad_input_test)

BOOST_AUTO_TEST_CASE(a_server_that_is_not_there_is_left_out)
{
    check_fault("absent", "it does not listen for echo, on port ");
    check_fault("dying", "ended with status 3");
}

BOOST_AUTO_TEST_CASE(a_server_that_refuses_connections_is_left_out)
{
    check_fault("refusing", ": Connection re");  // refused, or reset where it still listened when the client came
}

BOOST_AUTO_TEST_CASE(a_server_that_refuses_the_handshake_is_left_out)
{
    check_fault("alarmed", "handshake: sslv3 alert handshake failure");
}

BOOST_AUTO_TEST_CASE(a_server_that_closes_early_is_left_out)
{
    check_fault("closing", "handshake: ");
    check_fault("leaving", "the server ended the connection");
    check_fault("crashing", "read: ");
}

BOOST_AUTO_TEST_CASE(a_server_that_speaks_nonsense_is_left_out)
{
    check_fault("babbling", "handshake: wrong version number");
}

BOOST_AUTO_TEST_CASE(a_server_with_another_certificate_is_left_out)
{
    check_fault("stranger", "handshake: certificate verify failed");
}

BOOST_AUTO_TEST_CASE(a_server_that_answers_close_notify_by_closing_is_measured)
{
    const test::finished_process how = run({"handshake-13-ecdsa", "curt", "coil"});
    BOOST_TEST_INFO(how.output << how.errors);
    BOOST_TEST(line_of(how, "curt").starts_with("1 samples"));
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_answer_is_left_out)
{
    check_fault("silent", "the server accepted 0 of 1 connections in time");
    check_fault("mute", "the server did not get one echo done");
}

BOOST_AUTO_TEST_CASE(a_server_that_answers_something_else_is_left_out)
{
    check_fault("lying", "the server sent something else than it was asked for");
    check_fault("talkative", "the server sent more than it was asked for");
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_resume_sessions_is_left_out_of_their_scenario)
{
    check_fault("ticketless", "the server gave no session to resume", "resume-13");
    check_fault("forgetful", "the server did not resume the session", "resume-13");
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_survive_resets_is_left_out)
{
    check_fault("fragile", "", "reset");
}

BOOST_AUTO_TEST_CASE(without_permission_to_pin_the_table_appears_and_says_so)
{
    const test::finished_process how = run({"--unpinned", "echo-64-1", "coil"});
    BOOST_TEST_INFO(how.output << how.errors);
    BOOST_TEST(how.status == 1);
    BOOST_TEST(line_of(how, "coil").starts_with("1 samples"));
    BOOST_TEST(line_of(how, "complaint").starts_with("no permission to pin processes"));
}

BOOST_AUTO_TEST_CASE(a_scenario_with_more_connections_than_descriptors_is_left_out)
{
    const test::temporary_folder folder;
    const std::string file = folder.path("all.json");
    const test::finished_process how =
        test::run({"sh", "-c", "ulimit -n 300 && exec \"$0\" \"$@\"", command("BENCH_COMMAND"), "--rounds", "1",
                   "--seconds", "0.05", "--system", "coil", "--scenario", "memory-echo", "--connections", "400",
                   "--scenario", "echo-64-1", "--json", file});
    BOOST_TEST_INFO(how.output << how.errors);
    BOOST_TEST(how.status == 1);
    const std::string reason = "needs 464 file descriptors, but only 300 are permitted (ulimit -n)";
    BOOST_TEST((how.output.find("coil: " + reason) != std::string::npos));
    const json::value all = json::parse(test::read_file(file));
    BOOST_TEST(!all.at("complete").as_bool());
    const auto coil_in = [&](std::size_t row) { return all.at("scenarios").at(row).at("systems").as_array().back(); };
    BOOST_TEST(coil_in(0).at("failure") == json::value(reason));
    BOOST_TEST(coil_in(1).at("failure").is_null());
    BOOST_TEST(coil_in(1).at("samples").as_array().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_command_line_that_makes_no_sense_is_refused)
{
    const auto check = [](std::vector<std::string> arguments, const std::string& reason) {
        arguments.insert(arguments.begin(), command("BENCH_COMMAND"));
        const test::finished_process how = test::run(std::move(arguments));
        BOOST_TEST_CONTEXT(how.errors)
        {
            BOOST_TEST(how.status == 2);
            BOOST_TEST(how.output == "");
            BOOST_TEST(how.errors == "bench: " + reason + "\n");
        }
    };
    check({"--scenario", "echo"}, "there is no scenario echo");
    check({"--system", "abacus"}, "there is no system abacus");
    check({"--rounds", "0"}, "--rounds is not from 1 to 1000");
    check({"--seconds", "nan"}, "--seconds is not from 0.05 to 600");
    check({"--connections", "0"}, "--connections is not from 1 to 60000");
    check({"--rate", "0"}, "--rate is not from 1 to 1e+07");
    check({"--rate", "9", "--scenario", "upload-256-1"},
          "--rate makes no sense for upload-256-1, which has no round trips");
}

BOOST_AUTO_TEST_SUITE_END()
