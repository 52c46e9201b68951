#include "bench/credentials.hpp"
#include "bench/failure.hpp"
#include "bench/rival.hpp"
#include "bench/served.hpp"
#include "bench/user_server.hpp"
#include "tests/tools/command.hpp"

#include <boost/json.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

using bench::protocol;
using bench::protocol_set;
using coil::test::finished_process;
using coil::test::temporary_folder;

namespace {

std::string bench_command()
{
    return std::filesystem::absolute(std::getenv("BENCH_COMMAND")).string();
}

/// One of the servers that are part of `bench`, or of `coil bench`, as a program of its own.
bench::system server(std::vector<std::string> words)
{
    bench::system made;
    made.name = words.back();
    made.command = [words](const bench::server_settings& settings) {
        std::vector<std::string> command = words;
        for (const std::string& word : {std::to_string(settings.port), settings.certificate_file, settings.key_file})
            command.push_back(word);
        command.insert(command.end(), {"--threads", std::to_string(settings.threads)});
        return command;
    };
    return made;
}

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

const bench::credentials& files()
{
    static const bench::credentials made(bench::key_type::ecdsa_p256);
    return made;
}

void check_load(const bench::served& server, const std::string& scenario)
{
    const finished_process how = coil::test::run(
        {bench_command(), "load", scenario, std::to_string(server.port()), files().certificate_file().string(), "0.2"});
    BOOST_TEST_CONTEXT(scenario << " said: " << how.errors)
    {
        BOOST_TEST(how.status == 0);
        BOOST_TEST(std::atof(how.output.c_str()) > 0);
    }
}

/// A run of the benchmark, and what its results say.
struct finished_run : finished_process {
    boost::json::value results;

    /// In how many scenarios there is a figure of this system.
    int count_figures(std::string_view name) const
    {
        int count = 0;
        for (const boost::json::value& row : results.at("scenarios").as_array())
            for (const boost::json::value& cell : row.at("systems").as_array())
                count += cell.at("system") == boost::json::value(name) && !cell.at("median").is_null() ? 1 : 0;
        return count;
    }
};

finished_run measure(std::vector<std::string> command)
{
    const temporary_folder folder;
    const std::string file = folder.path("results.json");
    command.insert(command.end(), {"--rounds", "1", "--seconds", "0.1", "--json", file});
    finished_run made{coil::test::run(command), {}};
    BOOST_TEST_INFO(made.output << made.errors);
    made.results = boost::json::parse(coil::test::read_file(file));
    return made;
}

/// A folder with one rival, whose `serve` is the server on epoll, and with what a test puts in place of its parts.
class rival_folder {
public:
    rival_folder()
    {
        write("about.json", R"({"description": "an example", "speaks": ["echo", "http"]})");
        write("prepare", "#!/bin/sh\n");
        write("serve", "#!/bin/sh\nexec " + bench_command() + " serve epoll \"$2\" \"$3\" \"$4\" --threads \"$5\"\n");
    }

    void write(const std::string& name, const std::string& text) const
    {
        const std::string path = "rivals/example/" + name;
        folder_.write(path, text);
        std::filesystem::permissions(folder_.path(path), std::filesystem::perms::owner_all);
    }
    void remove(const std::string& name) const { std::filesystem::remove(folder_.path("rivals/example/" + name)); }

    /// Measures it in two scenarios, beside the server on epoll.
    finished_run measure() const
    {
        return ::measure({bench_command(), "--scenario", "echo-64-1", "--scenario", "upload-256-1", "--system", "epoll",
                          "--system", "example", "--rivals", folder_.path("rivals"), "--build", folder_.path("build")});
    }

    /// Measures it alone in one.
    finished_run measure_in(const std::string& scenario) const
    {
        return ::measure({bench_command(), "--scenario", scenario, "--system", "example", "--connections", "20",
                          "--rivals", folder_.path("rivals"), "--build", folder_.path("build")});
    }

private:
    temporary_folder folder_;
};

const std::array<std::vector<std::string>, 5> servers{{
    {bench_command(), "serve", "coil"},
    {bench_command(), "serve", "coil-epoll"},
    {bench_command(), "serve", "epoll"},
    {bench_command(), "serve", "asio"},
    {std::filesystem::absolute(std::getenv("COIL_COMMAND")).string(), "bench", "serve"},
}};

}  // namespace

BOOST_DATA_TEST_CASE(servers_speak_the_four_protocols, boost::unit_test::data::xrange(servers.size()), index)
{
    for (const unsigned threads : {1u, 2u}) {
        const bench::served running(server(servers[index]), files(), {}, threads);
        const std::string certificate = files().certificate_file().string();
        BOOST_TEST_CONTEXT(servers[index].front() << " " << servers[index].back() << ", threads: " << threads)
        {
            const std::string url =
                "https://localhost:" + std::to_string(port_of(protocol::http, running.port())) + "/";
            const finished_process curl = coil::test::run(
                {"curl", "-sS", "-m", "20", "--cacert", certificate, "-w", " %{num_connects} ", url, url});
            BOOST_TEST(curl.output == "Hello, world! 1 Hello, world! 0 ", curl.errors);
            const finished_process openssl =
                coil::test::run({"sh", "-c",
                                 "{ echo hello; sleep 0.5; } | openssl s_client -brief -CAfile " + certificate +
                                     " -verify_return_error -connect localhost:" + std::to_string(running.port())});
            BOOST_TEST(contains(openssl.output, "hello\n"), openssl.errors);
            for (const char* scenario : {"echo-64-32", "http-32", "download-256-1", "upload-256-1"})
                check_load(running, scenario);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_rival_is_measured_where_it_speaks_the_protocol)
{
    const finished_run how = rival_folder().measure();
    BOOST_TEST_CONTEXT(how.output << how.errors)
    {
        BOOST_TEST(how.status == 0);
        BOOST_TEST(how.count_figures("epoll") == 2);
        BOOST_TEST(how.count_figures("example") == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_rival_with_http_alone_is_measured_where_any_exchange_will_do)
{
    const rival_folder folder;
    folder.write("about.json", R"({"description": "an example", "speaks": ["http"]})");
    for (const std::string scenario : {"http-32", "handshake-13-ecdsa", "resume-13", "churn", "reset", "memory-echo"}) {
        const finished_run how = folder.measure_in(scenario);
        BOOST_TEST(how.count_figures("example") == 1, scenario << ": " << how.output << how.errors);
    }
    for (const std::string scenario : {"echo-64-1", "storm"})
        BOOST_TEST(folder.measure_in(scenario).count_figures("example") == 0, scenario);
}

BOOST_AUTO_TEST_CASE(a_rival_that_cannot_be_prepared_is_missing_with_its_reason)
{
    const rival_folder folder;
    folder.write("prepare", "#!/bin/sh\necho looking around\necho there is no such package >&2\nexit 3\n");
    const finished_run how = folder.measure();
    BOOST_TEST_CONTEXT(how.output << how.errors)
    {
        BOOST_TEST(how.status == 1);
        BOOST_TEST(contains(how.output, "example was not measured: there is no such package"));
        BOOST_TEST(contains(how.errors, "example cannot be had: there is no such package"));
        BOOST_TEST(how.count_figures("epoll") == 2);
        BOOST_TEST(how.count_figures("example") == 0);
    }
}

BOOST_AUTO_TEST_CASE(a_rival_without_a_script_or_with_a_wrong_description_is_missing)
{
    const rival_folder without;
    without.remove("prepare");
    BOOST_TEST(without.measure().status == 1);
    const rival_folder wrong;
    wrong.write("about.json", R"({"description": "an example", "speaks": ["gopher"]})");
    const finished_process how = wrong.measure();
    BOOST_TEST(how.status == 1);
    BOOST_TEST(contains(how.output, "there is no protocol gopher"), how.output);
}

BOOST_AUTO_TEST_CASE(a_server_that_dies_at_its_start_fails_alone)
{
    const rival_folder folder;
    folder.write("serve", "#!/bin/sh\nexit 9\n");
    const finished_run how = folder.measure();
    BOOST_TEST_CONTEXT(how.output << how.errors)
    {
        BOOST_TEST(how.status == 1);
        BOOST_TEST(contains(how.output, "example: example ended with status 9"));
        BOOST_TEST(how.count_figures("epoll") == 2);
    }
}

BOOST_AUTO_TEST_CASE(coil_bench_measures_with_servers_of_its_own)
{
    const finished_run how = measure({servers.back().front(), "bench", "--scenario", "echo-64-1", "--system", "coil"});
    BOOST_TEST_CONTEXT(how.output << how.errors)
    {
        BOOST_TEST(how.status == 0);
        BOOST_TEST(how.count_figures("coil") == 1);
        BOOST_TEST(how.count_figures("tcp-uring") == 1);
    }
}

BOOST_AUTO_TEST_CASE(coil_on_epoll_is_a_system_of_its_own)
{
    const finished_run how = measure({bench_command(), "--scenario", "echo-64-1", "--system", "coil-epoll"});
    BOOST_TEST_CONTEXT(how.output << how.errors)
    {
        BOOST_TEST(how.status == 0);
        BOOST_TEST(how.count_figures("coil-epoll") == 1);
        BOOST_TEST(how.count_figures("coil") == 0);
    }
}

BOOST_AUTO_TEST_CASE(coil_on_epoll_has_no_io_uring)
{
    const temporary_folder folder;
    bench::system made = server({bench_command(), "serve", "coil-epoll"});
    made.command = [&folder, of = made.command](const bench::server_settings& settings) {
        std::vector<std::string> command = of(settings);
        command.insert(command.begin(), {"sh", "-c", "echo $$ > \"$0\"; exec \"$@\"", folder.path("process")});
        return command;
    };
    const bench::served running(made, files(), {}, 1);
    std::string process = coil::test::read_file(folder.path("process"));
    process.pop_back();
    const finished_process open = coil::test::run({"find", "/proc/" + process + "/fd", "-printf", "%l "});
    BOOST_TEST(contains(open.output, "socket:"), open.output << open.errors);
    BOOST_TEST(contains(open.output, "[eventpoll]"), open.output);
    BOOST_TEST(!contains(open.output, "io_uring"), open.output);
}

BOOST_AUTO_TEST_CASE(a_server_of_the_users_is_measured_where_it_listens)
{
    // The program answers on one of the four ports only: it is given a first port such that its HTTP falls on that.
    const std::string openssl =
        "example=exec openssl s_server -quiet -www -cert {certificate} -key {key} -accept {port+3}";
    bench::system found = bench::make_user_server(openssl, std::nullopt);
    bench::prepare(found, [](const std::string&) {});
    BOOST_TEST(found.missing == "");
    BOOST_TEST((found.speaks == protocol_set{protocol::http}));

    const std::string epoll =
        "example=" + bench_command() + " serve epoll {port} {certificate} {key} --threads {threads}";
    const finished_run how = measure(
        {bench_command(), "--scenario", "echo-64-1", "--system", "example", "--server", epoll, "--threads", "2"});
    BOOST_TEST(how.status == 0);
    BOOST_TEST(how.count_figures("example") == 1, how.output << how.errors);
}

BOOST_AUTO_TEST_CASE(any_protocol_that_is_spoken_serves_for_scenarios_without_one)
{
    bench::system web;
    web.speaks = {protocol::http};
    BOOST_TEST((protocol_of(bench::scenario_kind::handshake, web) == protocol::http));
    BOOST_TEST((protocol_of(bench::scenario_kind::http, web) == protocol::http));
    BOOST_TEST((protocol_of(bench::scenario_kind::echo, web) == std::nullopt));
    BOOST_TEST((protocol_of(bench::scenario_kind::memory, bench::system()) == protocol::echo));
}

BOOST_AUTO_TEST_CASE(calls_that_make_no_sense_end_with_2)
{
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"--rivals", "/nonexistent"},
             {"--server", "noequals"},
             {"--server", "coil=true"},
             {"--server", "a=true", "--speaks", "gopher"},
             {"--threads", "0"},
             {"--system", "nobody"},
             {"serve", "nobody", "20000", "a", "b"},
             {"serve", "70000", "a", "b"},
             {"serve", "20000", "a", "b", "--threads", "-1"},
         }) {
        std::vector<std::string> command = words;
        command.insert(command.begin(), bench_command());
        const finished_process how = coil::test::run(command);
        BOOST_TEST_CONTEXT(words.front() << " said " << how.errors)
        {
            BOOST_TEST(how.status == 2);
            BOOST_TEST(how.errors.starts_with("bench: "));
        }
    }
}
