#include "tests/simulation/scene.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <set>
#include <string>

namespace {

using coil::test::play;
using coil::test::program;
using coil::test::programs;

constexpr std::uint64_t seeds = 60;

/// Plays the program of this name with these seeds, each on both backends.
void play_many(std::string_view name)
{
    for (const program& each : programs()) {
        if (each.name != name)
            continue;
        for (const coil::backend on : coil::test::backends)
            for (std::uint64_t seed = 0; seed < seeds; ++seed) {
                BOOST_TEST_INFO("tools/dev simulate --trace --seeds 1 --program " << name << " --from " << seed
                                                                                  << " --backend " << to_string(on));
                BOOST_CHECK_NO_THROW(play(each, seed, on));
            }
    }
}

/// The trace hash of a seed as another process has it.
std::string hash_elsewhere(const program& which, std::uint64_t seed, coil::backend on)
{
    const std::string command = std::string(std::getenv("COIL_SIMULATE")) + " --seeds 1 --program " +
                                std::string(which.name) + " --from " + std::to_string(seed) + " --backend " +
                                to_string(on);
    std::FILE* output = ::popen(command.c_str(), "r");
    BOOST_REQUIRE(output != nullptr);
    std::array<char, 200> line{};
    const char* read = std::fgets(line.data(), line.size(), output);
    BOOST_TEST(::pclose(output) == 0);
    BOOST_REQUIRE(read != nullptr);
    const std::string text(line.data());
    return text.substr(text.rfind(' ') + 1, 16);
}

void play_twice_and_elsewhere(coil::backend on)
{
    for (const program& each : programs()) {
        std::set<std::uint64_t> different;
        for (std::uint64_t seed = 0; seed < 8; ++seed) {
            const std::uint64_t first = play(each, seed, on);
            different.insert(first);
            BOOST_TEST(play(each, seed, on) == first);
            std::array<char, 17> text{};
            std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(first));
            BOOST_TEST(hash_elsewhere(each, seed, on) == text.data(), each.name << " with seed " << seed);
        }
        BOOST_TEST(different.size() == 8U);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(simulation_seeds_test)

BOOST_AUTO_TEST_CASE(echo_in_any_weather)
{
    play_many("echo");
}

BOOST_AUTO_TEST_CASE(cancel_storms_lose_no_byte)
{
    play_many("cancel");
}

BOOST_AUTO_TEST_CASE(every_ending_is_noticed_and_nothing_hangs)
{
    play_many("endings");
}

BOOST_AUTO_TEST_CASE(handshakes_end_in_time)
{
    play_many("handshakes");
}

BOOST_AUTO_TEST_CASE(servers_drain)
{
    play_many("drain");
}

BOOST_AUTO_TEST_CASE(destroyed_coroutines_leave_nothing)
{
    play_many("abandon");
}

BOOST_AUTO_TEST_CASE(plain_sockets_lose_no_byte)
{
    play_many("plain");
}

BOOST_AUTO_TEST_CASE(what_was_cut_off_never_looks_whole_over_tls, *boost::unit_test::label("F-01"))
{
    play_many("cut_off");
}

BOOST_AUTO_TEST_CASE(what_was_cut_off_never_looks_whole_over_tcp, *boost::unit_test::label("F-01"))
{
    play_many("cut_off_plain");
}

BOOST_AUTO_TEST_CASE(floods_of_key_updates_end_their_own_connection_only, *boost::unit_test::label("F-20"))
{
    play_many("flood");
}

BOOST_AUTO_TEST_CASE(handshakes_that_ask_end_well_where_they_are_answered_well_and_leave_nothing,
                     *boost::unit_test::label("SNI-11 SNI-12"))
{
    play_many("questions");
}

BOOST_AUTO_TEST_CASE(a_seed_gives_the_same_run_again_here_and_in_another_process)
{
    play_twice_and_elsewhere(coil::backend::io_uring);
}

BOOST_AUTO_TEST_CASE(a_seed_gives_the_same_run_again_on_epoll)
{
    play_twice_and_elsewhere(coil::backend::epoll);
}

BOOST_AUTO_TEST_SUITE_END()
