#include "bench/failure.hpp"
#include "bench/report/comparison.hpp"
#include "bench/report/figures.hpp"
#include "bench/report/json.hpp"
#include "bench/report/page.hpp"
#include "bench/report/subcommands.hpp"
#include "bench/report/tables.hpp"
#include "tests/bench/made_up_run.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace bench;

namespace {

constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

bool contains(const std::string& text, const std::string& part)
{
    const bool found = text.find(part) != text.npos;
    if (!found)
        BOOST_TEST_MESSAGE("no \"" << part << "\" in:\n" << text.substr(0, 4000));
    return found;
}

std::size_t count_of(const std::string& text, const std::string& part)
{
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
        ++count;
    return count;
}

/// The line of a text that begins so; the first after `title`.
std::string line_after(const std::string& text, const std::string& title, const std::string& begin)
{
    const std::size_t from = text.find(title);
    const std::size_t at = from == text.npos ? from : text.find("\n" + begin, from);
    return at == text.npos ? "" : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

/// The page without Chart.js, whose banner names where it comes from.
std::string own_part_of(const std::string& page)
{
    const std::size_t begin = page.find("<script>/*!");
    const std::size_t end = page.find("</script>", begin);
    BOOST_REQUIRE(begin != page.npos);
    return page.substr(0, begin) + page.substr(end);
}

std::string message_of(const std::string& json)
{
    try {
        from_json(json);
    } catch (const failure& reason) {
        return reason.what();
    }
    return "";
}

std::string replaced(std::string text, const std::string& part, const std::string& by)
{
    const std::size_t at = text.find(part);
    BOOST_REQUIRE(at != text.npos);
    return text.replace(at, part.size(), by);
}

std::string scratch(const std::string& name)
{
    return std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
}

}  // namespace

BOOST_AUTO_TEST_CASE(figures_have_three_digits_and_a_unit)
{
    BOOST_TEST(duration_text(850) == "850 ns");
    BOOST_TEST(duration_text(6'873) == "6.87 µs");
    BOOST_TEST(duration_text(999'499) == "999 µs");
    BOOST_TEST(duration_text(999'700) == "1.00 ms");
    BOOST_TEST(duration_text(99'960) == "100 µs");
    BOOST_TEST(duration_text(2.5e9) == "2.50 s");
    BOOST_TEST(bytes_text(22.3 * 1024) == "22.3 KiB");
    BOOST_TEST(bytes_text(1100 * 1024) == "1.07 MiB");
    BOOST_TEST(count_text(145'300) == "145 k");
    BOOST_TEST(seconds_text(80) == "1 min 20 s");
    BOOST_TEST(seconds_text(3000) == "50 min");
    BOOST_TEST(seconds_text(-1) == "0 s");
}

BOOST_AUTO_TEST_CASE(a_row_of_the_main_table_has_the_floor_then_ratios_and_costs_with_their_marks)
{
    const made_up_run run;
    const std::string text = to_text(summarize(run.all), unlimited);
    const std::string line = line_after(text, "Processor time of the server", "echo-64-1, per echo");
    BOOST_TEST(contains(line, "5.00 µs"));
    BOOST_TEST(contains(line, "1.24* (6.20 µs)"));
    BOOST_TEST(contains(line, "1.86 (9.30 µs) ~"));
    BOOST_TEST(contains(line_after(text, "in the best round", "echo-64-1"), "1.00 µs  4.00 µs   6.00 µs"));
}

BOOST_AUTO_TEST_CASE(latency_memory_and_storm_have_tables_of_their_own)
{
    const made_up_run run;
    const std::string text = to_text(summarize(run.all), unlimited);
    BOOST_TEST(contains(line_after(text, "Latency", "echo-64-1"), "10.0 µs / 40.0 µs / 80.0 µs"));
    BOOST_TEST(contains(line_after(text, "Memory for each", "floor"), "10.0 KiB"));
    BOOST_TEST(contains(line_after(text, "Memory for each", "coil"), "12.0 KiB (1.20)"));
    const std::string storm = line_after(text, "Storm of reconnects", "coil");
    BOOST_TEST(contains(storm, "200 µs"));
    BOOST_TEST(contains(storm, "500 µs"));
    BOOST_TEST(contains(storm, "2.50 ×"));
    BOOST_TEST(line_after(text, "Processor time of the server", "storm").empty());
}

BOOST_AUTO_TEST_CASE(what_failed_is_marked_and_named_with_its_reason_and_missing_systems_too)
{
    const made_up_run run;
    const summary all = summarize(run.all);
    BOOST_TEST(!all.complete);
    const std::string text = to_text(all, unlimited);
    const std::string line = line_after(text, "Processor time of the server", "upload-1, per MiB");
    BOOST_TEST(contains(line, "0.90 (540 µs) !"));
    BOOST_TEST(contains(line, "failed"));
    BOOST_TEST(contains(text, "upload-1, coil: the connection was reset"));
    BOOST_TEST(contains(text, "absent was not measured: its package is not installed"));
    BOOST_TEST(contains(text, "Left out: 1 system, 2 failed measurements."));
    BOOST_TEST(contains(text, "~ marks"));
}

BOOST_AUTO_TEST_CASE(a_run_with_a_missing_system_is_not_complete)
{
    made_up_run run;
    std::erase_if(run.all.scenarios, [&](const scenario_result& row) { return row.of == &run.upload; });
    std::erase(run.all.options.scenarios, &run.upload);
    BOOST_TEST(!summarize(run.all).complete);
    std::erase(run.all.options.systems, &run.absent);
    BOOST_TEST(summarize(run.all).complete);
    BOOST_TEST(completeness_of(summarize(run.all)) == "Everything that was asked for was measured.");
}

BOOST_AUTO_TEST_CASE(a_table_that_is_too_wide_goes_on_beneath_with_the_names_of_its_rows)
{
    const made_up_run run;
    const std::string text = to_text(summarize(run.all), 60);
    const std::size_t first = text.find("Processor time of the server");
    const std::string main = text.substr(first, text.find("Medians over", first) - first);
    BOOST_TEST(count_of(main, "\nscenario") == 2U);
    BOOST_TEST(count_of(main, "\necho-64-1") == 2U);
    std::istringstream lines(main);
    for (std::string line; std::getline(lines, line);)
        BOOST_TEST(width_of(line) <= 60U);
}

BOOST_AUTO_TEST_CASE(markdown_escapes_what_would_be_markup)
{
    const made_up_run run;
    const std::string text = to_markdown(summarize(run.all));
    BOOST_TEST(contains(text, "\\</script\\>\\<b\\>\\|\\*x |"));
    BOOST_TEST(contains(text, "| echo-64-1, per echo | 5.00 µs | **1.24** (6.20 µs) | 1.86 (9.30 µs) ~ |"));
    BOOST_TEST(contains(text, "it does not \\<answer\\>"));
}

BOOST_AUTO_TEST_CASE(text_for_terminals_steers_none)
{
    made_up_run run;
    run.all.scenarios[1].cells[2].failure = "\x1b[2J\nmore \xc2\x9b";
    const std::string text = to_text(summarize(run.all), unlimited);
    BOOST_TEST(contains(text, "upload-1, coil: \\x1b[2J\\x0amore"));
    BOOST_TEST(count_of(text, "\x1b") == 0U);
    BOOST_TEST(count_of(text, "\x9b") == 0U);
}

BOOST_AUTO_TEST_CASE(ascii_stands_for_the_characters_of_reports)
{
    BOOST_TEST(to_ascii("6.87 µs · ██░ 2 × ü") == "6.87 us , ##. 2 x ?");
}

BOOST_AUTO_TEST_CASE(json_can_be_read_back_and_says_the_same)
{
    const made_up_run run;
    const summary all = summarize(run.all);
    const std::string json = to_json(all);
    const summary again = from_json(json);
    BOOST_TEST(to_json(again) == json);
    BOOST_TEST(to_text(again, 100) == to_text(all, 100));
    BOOST_TEST(again.rows.at(2).storm());
    BOOST_TEST(again.rows.at(0).cells.at(2).samples.at(3).cost == 6400);
    BOOST_TEST(again.rows.at(0).cells.at(2).samples.at(3).took.value().p999() == 80'000);
    BOOST_TEST(!again.complete);
}

BOOST_AUTO_TEST_CASE(threads_and_a_rate_are_told_in_every_form_of_the_report)
{
    made_up_run run;
    run.all.where = {.server = 0, .servers = {0, 1, 2}, .generator = 3, .complaint = ""};
    run.all.options.threads = 3;
    run.all.options.rate = 2'000'000;
    const summary all = summarize(run.all);
    const std::string method =
        "4 rounds of 0.50 s for each system, one after another, at 2000000 operations per second; servers with 3 "
        "threads on processors 0, 1 and 2, the floor with one thread on processor 0, load generator on 3";
    BOOST_TEST(all.method == method);
    const std::string json = to_json(all);
    for (const std::string& form : {to_text(all, unlimited), to_markdown(all), to_page(all), json})
        BOOST_TEST(contains(form, method));
    BOOST_TEST(contains(json, "\"threads\":3,\"rate\":2E6"));
    BOOST_TEST(from_json(json).threads == 3U);
    BOOST_TEST(from_json(json).rate == 2'000'000);
}

BOOST_AUTO_TEST_CASE(a_run_without_threads_rate_or_processors_of_its_own_names_none)
{
    made_up_run run;
    BOOST_TEST(contains(summarize(run.all).method, "one after another; server on processor 0, load generator on 1"));
    BOOST_TEST(contains(to_json(summarize(run.all)), "\"threads\":1,\"rate\":null"));
    run.all.where = {};
    BOOST_TEST(contains(summarize(run.all).method, "one after another; server and load generator on any processor"));
}

BOOST_AUTO_TEST_CASE(results_of_a_run_that_knew_no_threads_and_rates_can_be_read)
{
    const made_up_run run;
    const std::string json = replaced(to_json(summarize(run.all)), "\"threads\":1,\"rate\":null,", "");
    BOOST_TEST(from_json(json).threads == 1U);
    BOOST_TEST(from_json(json).rate == 0);
}

BOOST_AUTO_TEST_CASE(a_file_that_holds_no_results_is_refused_with_a_reason)
{
    const made_up_run run;
    const std::string json = to_json(summarize(run.all));
    BOOST_TEST(contains(message_of(""), "no file of results"));
    BOOST_TEST(contains(message_of("[1, 2"), "no file of results"));
    BOOST_TEST(contains(message_of("{\"format\": \"other\"}"), "no file of results"));
    BOOST_TEST(contains(message_of(replaced(json, "\"version\":1", "\"version\":7")), "version 7"));
    BOOST_TEST(contains(message_of(replaced(json, "\"quantiles\":[", "\"quantiles\":[0.1,")), "other quantiles"));
    BOOST_TEST(contains(message_of(replaced(json, "\"samples\":[", "\"specimens\":[")), "damaged"));
    BOOST_TEST(contains(message_of(replaced(json, "\"rounds\":4", "\"rounds\":\"4\"")), "damaged"));
}

BOOST_AUTO_TEST_CASE(the_page_holds_data_and_tables_and_names_cannot_break_out)
{
    const made_up_run run;
    const summary all = summarize(run.all);
    const std::string page = to_page(all);
    const std::string begin = "id=\"data\">";
    const std::size_t from = page.find(begin) + begin.size();
    const std::string data = page.substr(from, page.find("</script>", from) - from);
    BOOST_TEST(to_json(from_json(data)) == to_json(all));
    BOOST_TEST(count_of(data, "<") == 0U);
    BOOST_TEST(count_of(page, made_up_run::hostile_name) == 0U);
    BOOST_TEST(contains(page, "&lt;/script&gt;&lt;b&gt;|*x"));
    BOOST_TEST(contains(page, "&lt;i&gt;&quot;&amp;&#39;"));
    BOOST_TEST(contains(page, "<td class=\"best\">1.24 <small>6.20 µs</small></td>"));
    BOOST_TEST(contains(page, "absent was not measured: its package is not installed"));
    BOOST_TEST(contains(page, "it does not &lt;answer&gt;"));
    BOOST_TEST(count_of(page, "<script") == count_of(page, "</script>"));
}

BOOST_AUTO_TEST_CASE(the_page_asks_for_nothing_from_outside)
{
    const made_up_run run;
    const std::string page = own_part_of(to_page(summarize(run.all)));
    for (const char* reference : {"http://", "https://", "src=", "href=", "url(", "@import", "fetch(", "import("})
        BOOST_TEST(count_of(page, reference) == 0U, reference);
    BOOST_TEST(contains(page, "default-src 'none'"));
    BOOST_TEST(contains(page, "prefers-color-scheme: dark"));
}

BOOST_AUTO_TEST_CASE(texts_that_look_like_places_of_the_template_stay_as_they_are)
{
    made_up_run run;
    run.coil.description = "@tables@ and @nothing@";
    BOOST_TEST(contains(to_page(summarize(run.all)), "<dd>@tables@ and @nothing@</dd>"));
}

BOOST_AUTO_TEST_CASE(a_comparison_tells_changes_from_noise)
{
    made_up_run first;
    made_up_run second;
    for (sample& one : second.all.scenarios[0].cells[2].samples)
        one.cost *= 1.2;
    second.all.scenarios[0].cells[3].samples[0].cost *= 1.05;
    const std::vector<change> changes = compare(summarize(first.all), summarize(second.all));
    const auto find = [&](std::string_view scenario, std::string_view system) {
        return std::ranges::find_if(
            changes, [&](const change& one) { return one.scenario == scenario && one.system == system; });
    };
    const auto slower = find("echo-64-1", "coil");
    BOOST_REQUIRE(slower != changes.end());
    BOOST_TEST(slower->factor() == 1.2, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(slower->before == 1.24, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(slower->outside_noise);
    BOOST_TEST(!find("echo-64-1", made_up_run::hostile_name)->outside_noise);
    BOOST_TEST(find("echo-64-1", made_up_run::hostile_name)->noisy);
    const std::string text = to_text(to_table(changes), unlimited);
    BOOST_TEST(contains(text, "+20.0 %"));
    BOOST_TEST(contains(text, "worse"));
}

BOOST_AUTO_TEST_CASE(a_comparison_weighs_each_run_by_its_own_floor)
{
    made_up_run first;
    made_up_run second;  // on a machine half as fast
    for (cell& one : second.all.scenarios[0].cells)
        for (sample& taken : one.samples)
            taken.cost *= 2;
    for (const change& one : compare(summarize(first.all), summarize(second.all)))
        if (one.has_floor) {
            BOOST_TEST(one.factor() == 1, boost::test_tools::tolerance(1e-9));
            BOOST_TEST(!one.outside_noise);
        }
}

BOOST_AUTO_TEST_CASE(few_rounds_say_nothing_about_a_change_of_time)
{
    made_up_run first;
    made_up_run second;
    for (made_up_run* run : {&first, &second})
        run->all.scenarios[0].cells[2].samples.resize(3);
    for (sample& one : second.all.scenarios[0].cells[2].samples)
        one.cost *= 2;
    for (const change& one : compare(summarize(first.all), summarize(second.all)))
        BOOST_TEST(!one.outside_noise);
}

BOOST_AUTO_TEST_CASE(what_only_one_run_has_is_named)
{
    made_up_run first;
    made_up_run second;
    second.all.scenarios.pop_back();
    first.all.scenarios[0].cells.pop_back();
    const std::vector<std::string> lines = only_in_one(summarize(first.all), summarize(second.all));
    BOOST_REQUIRE(lines.size() == 3U);
    BOOST_TEST(lines[0] == "memory, openssl: only in the first");
    BOOST_TEST(lines[1] == "memory, coil: only in the first");
    BOOST_TEST(lines[2] == std::string("echo-64-1, ") + made_up_run::hostile_name + ": only in the second");
}

BOOST_AUTO_TEST_CASE(a_report_can_be_made_again_from_its_file)
{
    const made_up_run run;
    const summary all = summarize(run.all);
    report_files{.json = scratch("run.json"), .markdown = scratch("first.md")}.write(all);
    BOOST_TEST(report_again({"report", scratch("run.json"), "--page", scratch("run.html"), "--markdown",
                             scratch("run.md")}) == 1);  // it is not complete
    std::stringstream page;
    std::stringstream markdown;
    page << std::ifstream(scratch("run.html")).rdbuf();
    markdown << std::ifstream(scratch("run.md")).rdbuf();
    BOOST_TEST((page.str() == to_page(all)));
    BOOST_TEST(markdown.str() == to_markdown(all));
    BOOST_TEST(compare_files({"compare", scratch("run.json"), scratch("run.json")}) == 0);
}

BOOST_AUTO_TEST_CASE(a_bad_call_or_file_is_refused)
{
    BOOST_CHECK_THROW(report_again({"report"}), usage_error);
    BOOST_CHECK_THROW(report_again({"report", "x.json", "--paper", "x"}), usage_error);
    BOOST_CHECK_THROW(report_again({"report", scratch("absent.json")}), failure);
    BOOST_CHECK_THROW(compare_files({"compare", "one.json"}), usage_error);
    BOOST_CHECK_THROW(report_files{.page = scratch("no/such/folder.html")}.check(), failure);
}
