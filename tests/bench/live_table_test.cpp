#include "bench/report/live_table.hpp"
#include "bench/report/figures.hpp"
#include "tests/bench/made_up_run.hpp"

#include <boost/test/unit_test.hpp>

#include <sstream>

using namespace bench;
using namespace std::chrono_literals;

namespace {

/// A screen that remembers what was written, and a clock that only the test moves.
struct stage {
    std::string written;
    screen_size size{100, 40};
    live_table::clock::time_point time{};
    made_up_run run;

    screen to(bool terminal, bool colours = false)
    {
        return {terminal, colours, true, [this] { return size; }, [this](std::string_view text) { written += text; }};
    }
    std::function<live_table::clock::time_point()> clock()
    {
        return [this] { return time; };
    }

    /// All measurements of one scenario that has its samples already, in one round.
    void go_through(live_table& shown, const scenario_result& row, std::chrono::seconds taken)
    {
        for (const cell& one : row.cells) {
            const run_step step{&row, &one, 1, 1, 1s};
            shown.begin_step(step);
            time += taken;
            shown.end_step(step);
        }
        shown.finish(row);
    }
};

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != text.npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_slow_first_step_promises_no_hours)
{
    remaining_time left(100);
    BOOST_TEST(left.seconds() == 100);
    left.passed(1, 10);
    BOOST_TEST(left.seconds() > 100);
    BOOST_TEST(left.seconds() < 250);
    BOOST_TEST(left.share() == 0.01, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(the_time_left_follows_what_steps_really_take)
{
    remaining_time left(1000);
    for (int i = 0; i < 500; ++i)
        left.passed(1, 2);
    BOOST_TEST(left.seconds() > 950);
    BOOST_TEST(left.seconds() < 1000);
    left.dropped(500);
    BOOST_TEST(left.seconds() == 0);
    BOOST_TEST(left.share() == 1);
}

BOOST_AUTO_TEST_CASE(a_terminal_shows_the_table_of_the_scenario_and_the_time_left)
{
    stage on;
    live_table shown(on.to(true), on.clock());
    shown.begin(4, 20s);
    const scenario_result& row = on.run.all.scenarios[0];
    shown.begin_step({&row, &row.cells[2], 2, 4, 1s});
    BOOST_TEST(contains(on.written, ">coil"));
    BOOST_TEST(contains(on.written, " = floor"));
    for (const char* figure : {"6.20 µs", "1.24", "150 k/s", "10.0 µs", "40.0 µs"})
        BOOST_TEST(contains(on.written, figure), figure);
    BOOST_TEST(contains(on.written, "20 s left"));
    BOOST_TEST(contains(on.written, "1/4 echo-64-1, round 2/4, coil"));
}

BOOST_AUTO_TEST_CASE(a_terminal_is_drawn_over_and_keeps_only_finished_tables)
{
    stage on;
    {
        live_table shown(on.to(true), on.clock());
        shown.begin(1, 20s);
        const scenario_result& row = on.run.all.scenarios[0];
        shown.begin_step({&row, &row.cells[0], 1, 1, 1s});
        const auto lines = std::ranges::count(on.written, '\n');
        on.written.clear();
        shown.end_step({&row, &row.cells[0], 1, 1, 1s});
        BOOST_TEST(on.written.starts_with("\033[" + std::to_string(lines) + "A\r"));
        on.written.clear();
        shown.finish(row);
        BOOST_TEST(on.written.starts_with("\033[" + std::to_string(lines) + "A\r"));
        BOOST_TEST(on.written.ends_with("\n\033[J"));
        BOOST_TEST(!contains(on.written, "left"));
        on.written.clear();
    }
    BOOST_TEST(on.written.empty());
}

BOOST_AUTO_TEST_CASE(no_line_is_wider_and_no_table_higher_than_the_terminal)
{
    stage on;
    for (const screen_size size : {screen_size{120, 40}, {60, 10}, {80, 24}, {40, 5}, {20, 3}}) {
        on.size = size;
        on.written.clear();
        live_table shown(on.to(true), on.clock());
        shown.begin(4, 20s);
        const scenario_result& row = on.run.all.scenarios[1];  // with failures
        shown.begin_step({&row, &row.cells[2], 1, 4, 1s});
        std::istringstream lines(on.written);
        std::size_t count = 0;
        for (std::string line; std::getline(lines, line) && line != "\033[J"; ++count)
            BOOST_TEST(width_of(line) <= std::max<std::size_t>(size.columns, 24) + 3, line);  // and "\033[K"
        BOOST_TEST(count < size.lines);
    }
}

BOOST_AUTO_TEST_CASE(colours_appear_only_where_they_are_wanted)
{
    for (const bool colours : {false, true}) {
        stage on;
        live_table shown(on.to(true, colours), on.clock());
        shown.begin(1, 20s);
        on.go_through(shown, on.run.all.scenarios[0], 1s);
        BOOST_TEST(contains(on.written, "\033[33m ~\033[0m") == colours);
        BOOST_TEST(contains(on.written, "\033[0m") == colours);
    }
}

BOOST_AUTO_TEST_CASE(elsewhere_there_is_a_line_for_each_finished_scenario)
{
    stage on;
    live_table shown(on.to(false), on.clock());
    shown.begin(4, 20s);
    on.written.clear();
    on.go_through(shown, on.run.all.scenarios[0], 1s);
    BOOST_TEST(on.written == std::string("[1/4] echo-64-1: floor 5.00 µs; coil 1.24 (6.20 µs); ") +
                                 made_up_run::hostile_name + " 1.86 (9.30 µs) ~\n");
    on.written.clear();
    on.go_through(shown, on.run.all.scenarios[1], 1s);
    BOOST_TEST(contains(on.written, "coil 0.90 (540 µs), then failed: the connection was reset; "));
    BOOST_TEST(contains(on.written, "failed: it does not <answer>\n"));
    BOOST_TEST(!contains(on.written, "\033"));
}

BOOST_AUTO_TEST_CASE(elsewhere_a_line_tells_the_time_left_now_and_then)
{
    stage on;
    live_table shown(on.to(false), on.clock());
    shown.begin(4, 20s);
    on.written.clear();
    on.go_through(shown, on.run.all.scenarios[0], 15s);
    BOOST_TEST(std::ranges::count(on.written, '\n') == 2);  // after 30 s, and the scenario
    BOOST_TEST(contains(on.written, " left: echo-64-1, round 1/1, coil\n"));
}
