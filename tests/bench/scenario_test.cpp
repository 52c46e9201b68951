#include "bench/scenario.hpp"

#include "tests/tools/command.hpp"

#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <malloc.h>

namespace json = boost::json;
namespace test = coil::test;

namespace {

std::string command(const char* variable)
{
    return std::filesystem::absolute(std::getenv(variable)).string();
}

/// Whether the allocator says how much it has given out, without which there is no floor of memory. That of a sanitizer does
/// not.
bool heap_is_known()
{
    return mallinfo2().uordblks > 0;
}

/// As short as can be, but for a machine that builds meanwhile long enough for one handshake.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr const char* seconds = "0.2";
#else
constexpr const char* seconds = "0.1";
#endif

/// Runs the benchmark of coil with these arguments. @return its JSON.
json::value measure(std::vector<std::string> arguments)
{
    const test::temporary_folder folder;
    const std::string file = folder.path("all.json");
    const std::vector<std::string> always{command("BENCH_COMMAND"),
                                          "--rounds",
                                          "1",
                                          "--seconds",
                                          seconds,
                                          "--connections",
                                          "50",
                                          "--system",
                                          "coil",
                                          "--json",
                                          file};
    arguments.insert(arguments.begin(), always.begin(), always.end());
    const test::finished_process how = test::run(std::move(arguments));
    BOOST_TEST_INFO(how.output << how.errors);
    const json::value all = json::parse(test::read_file(file));
    BOOST_TEST(how.status == (all.at("complete").as_bool() ? 0 : 1));
    return all;
}

void check_complete(const json::value& all)
{
    bool complete = true;
    for (const json::value& row : all.at("scenarios").as_array()) {
        const bool memory = row.at("unit") == json::value("bytes");
        const bool floor = row.at("name") != json::value("storm") && (!memory || heap_is_known());
        for (const json::value& cell : row.at("systems").as_array())
            BOOST_TEST_CONTEXT(row.at("name") << ", " << cell.at("system"))
            {
                const bool server = cell.at("system") == json::value("coil");
                BOOST_TEST(cell.at("failure").is_null() == (server || floor));
                BOOST_TEST(cell.at("samples").as_array().size() == (server || floor ? 1u : 0u));
                BOOST_TEST(cell.at("ratio").is_double() == (server && floor));
                complete = complete && (server || floor);
            }
    }
    BOOST_TEST(all.at("complete").as_bool() == complete);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scenario_test)

BOOST_AUTO_TEST_CASE(every_scenario_can_be_measured_with_coil_and_has_a_floor_but_for_the_storm)
{
    constexpr std::size_t at_once = 8;  // no run takes so long that it has to be given up
    std::span<const bench::scenario> left = bench::scenarios();
    while (!left.empty()) {
        const std::span<const bench::scenario> some = left.first(std::min(at_once, left.size()));
        left = left.subspan(some.size());
        std::vector<std::string> arguments;
        for (const bench::scenario& one : some)
            arguments.insert(arguments.end(), {"--scenario", std::string(one.name)});
        const json::value all = measure(arguments);
        BOOST_TEST(all.at("scenarios").as_array().size() == some.size());
        check_complete(all);
    }
}

BOOST_AUTO_TEST_CASE(everything_with_round_trips_can_be_measured_at_a_fixed_rate)
{
    std::size_t expected = 0;
    for (const bench::scenario& one : bench::scenarios())
        expected += one.has_round_trips();
    const json::value all = measure({"--rate", "100"});
    BOOST_TEST(all.at("scenarios").as_array().size() == expected);
    check_complete(all);
}

BOOST_AUTO_TEST_CASE(a_quick_run_takes_some_scenarios_and_fewer_connections)
{
    std::size_t expected = 0;
    for (const bench::scenario& one : bench::scenarios())
        expected += one.quick;
    BOOST_TEST(expected == 8u);
    const json::value all = measure({"--quick"});
    BOOST_TEST(all.at("scenarios").as_array().size() == expected);
    check_complete(all);
}

BOOST_AUTO_TEST_CASE(names_are_unique)
{
    std::set<std::string_view> names;
    for (const bench::scenario& one : bench::scenarios())
        BOOST_TEST(names.insert(one.name).second, one.name << " is there twice");
}

BOOST_AUTO_TEST_CASE(round_trips_are_timed_and_in_a_storm_also_before_it)
{
    const auto check = [](const std::string& scenario, const std::string& expected) {
        const test::finished_process how = test::run({command("MISBEHAVING_COMMAND"), scenario, "coil"});
        BOOST_TEST_CONTEXT(scenario << ": " << how.output << how.errors)
        {
            BOOST_TEST(how.output.starts_with("coil: 1 samples" + expected + "; failure: \n"));
        }
    };
    for (const std::string scenario : {"echo-64-32", "http-32", "handshake-13-ecdsa", "resume-12", "churn", "reset"})
        check(scenario, ", took");
    check("storm", ", took, took before");
    for (const std::string scenario : {"download-256-1", "upload-256-1", "memory-echo"})
        check(scenario, "");
}

BOOST_AUTO_TEST_SUITE_END()
