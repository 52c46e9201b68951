#include "tests/tools/command.hpp"

#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace json = boost::json;
namespace test = coil::test;

namespace {

using names = std::vector<std::string>;

const names all_questions{"sni_callback", "psk_callback", "alpn_callback", "on_ocsp_request", "signer", "verify_peer"};

test::finished_process run(names arguments)
{
    arguments.insert(arguments.begin(), std::filesystem::absolute(std::getenv("QUESTIONS_COMMAND")).string());
    return test::run(std::move(arguments));
}

struct measured {
    test::finished_process how;
    json::value all;
};

/// 50 handshakes.
measured measure(const char* part, unsigned rounds, const char* wait = "5", names more = {})
{
    const test::temporary_folder folder;
    const std::string file = folder.path("all.json");
    names arguments{"--part",     part, "--handshakes", "50",  "--rounds", std::to_string(rounds),
                    "--wait",     wait, "--seconds",    "0.2", "--echoes", "500",
                    "--arrivals", "50", "--json",       file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    measured made{run(std::move(arguments)), {}};
    BOOST_TEST_INFO(made.how.output << made.how.errors);
    BOOST_TEST_REQUIRE(made.how.status == 0);
    made.all = json::parse(test::read_file(file));
    return made;
}

names handlers_of(const json::value& rows)
{
    names found;
    for (const json::value& row : rows.as_array())
        found.emplace_back(row.at("handlers").as_string());
    return found;
}

bool asks(const std::string& handlers, const std::string& question)
{
    return handlers == "all in turn" || handlers == question;
}

/// Each round of each row has all of `figures`, and has asked what it should: `least` times where it asks, and as often in
/// each question that it asks.
void check_rows(const json::value& rows, unsigned rounds, std::initializer_list<const char*> figures,
                std::int64_t least)
{
    for (const json::value& row : rows.as_array()) {
        const std::string handlers(row.at("handlers").as_string());
        BOOST_TEST_CONTEXT(handlers)
        {
            BOOST_TEST(row.at("failure").is_null());
            BOOST_TEST(row.at("rounds").as_array().size() == rounds);
            for (const json::value& round : row.at("rounds").as_array()) {
                for (const char* figure : figures)
                    BOOST_TEST(round.at(figure).is_double(), figure);
                const json::object& asked = round.at("asked").as_object();
                BOOST_TEST(asked.size() == all_questions.size());
                for (const std::string& question : all_questions)
                    BOOST_TEST((asks(handlers, question) ? asked.at(question).to_number<std::int64_t>() >= least
                                                         : asked.at(question) == json::value(0)),
                               question);
            }
        }
    }
}

std::int64_t asked_in_first_round(const json::value& rows, const std::string& handlers, const std::string& question)
{
    for (const json::value& row : rows.as_array())
        if (row.at("handlers").as_string() == handlers)
            return row.at("rounds").at(0).at("asked").at(question).to_number<std::int64_t>();
    return -1;
}

names rows_with_each()
{
    names rows{"no handler"};
    rows.insert(rows.end(), all_questions.begin(), all_questions.end());
    return rows;
}

names rows_with_all()
{
    names rows = rows_with_each();
    rows.emplace_back("all in turn");
    return rows;
}

std::ptrdiff_t lines_that_begin_with(const std::string& text, const std::string& word)
{
    const std::string lines = "\n" + text;
    std::ptrdiff_t count = 0;
    for (std::size_t at = 0; (at = lines.find("\n" + word + " ", at)) != lines.npos; ++at)
        ++count;
    return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(questions_test)

BOOST_AUTO_TEST_CASE(in_a_crowd_each_question_is_asked_once_for_each_handshake)
{
    const measured made = measure("time", 1);
    const json::value& rows = made.all.at("time");
    BOOST_TEST((handlers_of(rows) == rows_with_all()));
    check_rows(rows, 1, {"seconds", "cpu_nanoseconds"}, 50);
    for (const std::string& question : all_questions) {
        BOOST_TEST(asked_in_first_round(rows, question, question) == 50);
        BOOST_TEST(asked_in_first_round(rows, "all in turn", question) == 50);
    }
    for (const std::string& row : rows_with_all())
        BOOST_TEST(lines_that_begin_with(made.how.output, row) == 1, row);
    BOOST_TEST((made.how.errors.find("time, sni_callback, round 1 of 1\n") != std::string::npos));
    BOOST_TEST(made.all.at("memory").as_array().empty());
}

BOOST_AUTO_TEST_CASE(memory_is_that_of_handshakes_that_all_wait)
{
    const measured made = measure("memory", 1);
    const json::value& rows = made.all.at("memory");
    BOOST_TEST((handlers_of(rows) == rows_with_each()));
    check_rows(rows, 1, {"waiting_bytes", "kept_bytes", "left_bytes"}, 50);
    for (const std::string& row : rows_with_each())
        BOOST_TEST(lines_that_begin_with(made.how.output, row) == 1, row);
}

BOOST_AUTO_TEST_CASE(others_echo_while_handshakes_arrive_and_while_a_crowd_waits)
{
    const measured made = measure("others", 1);
    BOOST_TEST((handlers_of(made.all.at("arrivals")) == names{"no handler", "all in turn"}));
    BOOST_TEST((handlers_of(made.all.at("parked")) == rows_with_each()));
    check_rows(made.all.at("arrivals"), 1, {"p50", "p99", "p99.9", "handshakes_per_second"}, 101);
    check_rows(made.all.at("parked"), 1, {"p50", "p99", "p99.9"}, 150);
    for (const std::string& question : all_questions)
        BOOST_TEST(asked_in_first_round(made.all.at("parked"), question, question) == 150);
    BOOST_TEST(lines_that_begin_with(made.how.output, "all in turn") == 1);
    BOOST_TEST(lines_that_begin_with(made.how.output, "none: idle connections") == 1);
}

BOOST_AUTO_TEST_CASE(handshakes_take_at_least_as_long_as_their_handlers_wait)
{
    const json::value all = measure("time", 1, "200").all;
    for (const json::value& row : all.at("time").as_array()) {
        const std::string handlers(row.at("handlers").as_string());
        const int waits = handlers == "all in turn" ? 6 : handlers == "no handler" ? 0 : 1;
        BOOST_TEST(row.at("rounds").at(0).at("seconds").as_double() >= 0.2 * waits, handlers);
    }
}

BOOST_AUTO_TEST_CASE(one_question_may_be_chosen)
{
    const json::value all = measure("time", 1, "5", {"--question", "alpn_callback"}).all;
    BOOST_TEST((handlers_of(all.at("time")) == names{"no handler", "alpn_callback"}));
    BOOST_TEST(asked_in_first_round(all.at("time"), "alpn_callback", "alpn_callback") == 50);
}

BOOST_AUTO_TEST_CASE(a_call_that_makes_no_sense_is_refused_with_a_line)
{
    const std::pair<names, std::string> cases[] = {
        {{"--nonsense"}, "unrecognised option '--nonsense'"},
        {{"word"}, "positional"},
        {{"--handshakes", "0"}, "--handshakes is not from 1 to 1000000"},
        {{"--handshakes", "many"}, "many"},
        {{"--wait", "0"}, "--wait is not from 1 to 60000"},
        {{"--part", "space"}, "there is no part space"},
        {{"--question", "why"}, "there is no question why"},
        {{"serve", "1"}, "usage: questions serve"},
        {{"serve", "x", "certificate", "key", "50"}, "not a number: x"},
        {{"serve", "1", "certificate", "key", "50", "+why"}, "there is no question why"},
    };
    for (const auto& [arguments, reason] : cases) {
        const test::finished_process how = run(arguments);
        BOOST_TEST_CONTEXT(arguments.front() << " said: " << how.errors)
        {
            BOOST_TEST(how.status == 2);
            BOOST_TEST((how.errors.find(reason) != std::string::npos));
            BOOST_TEST(std::ranges::count(how.errors, '\n') == 1);
            BOOST_TEST(how.output == "");
        }
    }
    BOOST_TEST(run({"--help"}).status == 0);
    BOOST_TEST((run({"--help"}).output.find("verify_peer") != std::string::npos));
}

BOOST_AUTO_TEST_CASE(more_handshakes_than_files_may_be_open_are_refused_with_the_number)
{
    const std::string command = std::filesystem::absolute(std::getenv("QUESTIONS_COMMAND")).string();
    const test::finished_process how =
        test::run({"/bin/sh", "-c", "ulimit -n 1000; exec \"$0\" --handshakes 900", command});
    BOOST_TEST(how.status == 2);
    BOOST_TEST((how.errors.find("--handshakes 900 takes 1300 open files of each process, and no more than 1000 are "
                                "allowed here") != std::string::npos),
               how.errors);
}

BOOST_AUTO_TEST_SUITE_END()
