#include "tests/tools/served_site.hpp"
#include "tools/coil/http_date.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

using namespace coil;
using test::body_of;
using test::field;
using test::served;
using test::shared_site;
using test::status_of;

BOOST_FIXTURE_TEST_SUITE(serve_test, served)

BOOST_AUTO_TEST_CASE(curl_fetches_files_of_every_size_at_tls_1_2_and_1_3)
{
    for (const std::string version : {"1.2", "1.3"}) {
        const std::vector<std::string> only{"--tlsv" + version, "--tls-max", version};
        for (const std::string name : {"empty", "ten.txt", "kib", "big"}) {
            std::vector<std::string> call = only;
            call.push_back(server.url("/" + name));
            const test::finished_process how = curl(call);
            BOOST_TEST(how.status == 0, how.errors);
            BOOST_TEST((how.output == test::read_file(www + "/" + name)), name << " at " << version);
        }
    }
}

BOOST_AUTO_TEST_CASE(openssl_s_client_fetches_a_big_file_at_tls_1_2_and_1_3)
{
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
        const std::string answer = raw("GET /big HTTP/1.0\r\n\r\n", {version});
        BOOST_TEST(status_of(answer) == "200");
        BOOST_TEST((body_of(answer) == shared_site().big));
    }
}

BOOST_AUTO_TEST_CASE(every_target_gets_the_status_that_it_should)
{
    struct {
        std::string target;
        std::string status;
    } const cases[] = {
        {"/", "200"},
        {"/ten.txt", "200"},
        {"/ten.txt?query=1", "200"},
        {"/%74en.txt", "200"},
        {"/without/../ten.txt", "200"},
        {"/inner_link", "200"},
        {"/with%20index/", "200"},
        {"/with%20index", "301"},
        {"/without", "301"},
        {"/without/", "404"},
        {"/none", "404"},
        {"/none/", "404"},
        {"/ten.txt/", "404"},
        {"/ten.txt/more", "404"},
        {"/loop", "404"},
        {"/a%2fb", "404"},
        {"/" + std::string(300, 'x'), "404"},
        {"/%zz", "400"},
        {"/a%00", "400"},
        {"/..", "403"},
        {"/../secret.txt", "403"},
        {"/%2e%2e/secret.txt", "403"},
        {"/without/../../secret.txt", "403"},
        {"/outer_link", "403"},
        {"/absolute_link", "403"},
        {"/parent/secret.txt", "403"},
        {"//../secret.txt", "403"},
        {"/..%2fsecret.txt", "404"},
    };
    for (const auto& each : cases) {
        const std::string answer = this->answer(each.target);
        BOOST_TEST(status_of(answer) == each.status, each.target);
        BOOST_TEST((answer.find("secret\n") == std::string::npos), each.target << " leaks");
    }
}

BOOST_AUTO_TEST_CASE(a_folder_without_a_slash_is_redirected_on_this_host)
{
    BOOST_TEST(field(answer("/with%20index?a=b"), "Location") == "/with%20index/?a=b");
    BOOST_TEST(field(answer("//without"), "Location") == "/without/");
    BOOST_TEST(curl({"-L", server.url("/with%20index")}).output == "<p>inner\n");
}

BOOST_AUTO_TEST_CASE(head_says_what_get_would_without_the_content)
{
    for (const std::string path : {"/ten.txt", "/empty", "/none", "/without"}) {
        const std::string get = answer(path);
        const std::string head = curl({"-I", server.url(path)}).output;
        for (const std::string name :
             {"Content-Length", "Content-Type", "Last-Modified", "ETag", "Accept-Ranges", "Location"})
            BOOST_TEST(field(head, name) == field(get, name));
        BOOST_TEST(status_of(head) == status_of(get));
        BOOST_TEST(body_of(head) == "");
    }
    BOOST_TEST(field(answer("/ten.txt"), "Content-Length") == "10");
    BOOST_TEST(field(answer("/ten.txt"), "Content-Type") == "text/plain; charset=utf-8");
}

BOOST_AUTO_TEST_CASE(other_methods_are_refused_with_what_is_allowed)
{
    for (const std::string method : {"POST", "PUT", "DELETE", "TRACE"}) {
        const std::string refusal = answer("/ten.txt", {"-X", method});
        BOOST_TEST(status_of(refusal) == "405", method);
        BOOST_TEST(field(refusal, "Allow") == "GET, HEAD, OPTIONS");
    }
    BOOST_TEST(status_of(answer("/ten.txt", {"-X", "FROB"})) == "501");
    BOOST_TEST(status_of(answer("/ten.txt", {"-d", "some=body"})) == "405");
    const std::string options = answer("/ten.txt", {"-X", "OPTIONS"});
    BOOST_TEST(status_of(options) == "204");
    BOOST_TEST(field(options, "Allow") == "GET, HEAD, OPTIONS");
}

BOOST_AUTO_TEST_CASE(ranges_are_answered_with_their_part)
{
    struct {
        std::string range;
        std::string status;
        std::string content_range;
        std::string body;
    } const cases[] = {
        {"bytes=0-0", "206", "bytes 0-0/10", "0"},
        {"bytes=2-5", "206", "bytes 2-5/10", "2345"},
        {"bytes=7-", "206", "bytes 7-9/10", "789"},
        {"bytes=-3", "206", "bytes 7-9/10", "789"},
        {"bytes=5-100", "206", "bytes 5-9/10", "56789"},
        {"bytes=0-2,3-4", "206", "bytes 0-4/10", "01234"},
        {"bytes=0-0,-1", "200", "", "0123456789"},
        {"bytes=5-2", "200", "", "0123456789"},
        {"lines=0-1", "200", "", "0123456789"},
        {"bytes=10-", "416", "bytes */10", "416 Range Not Satisfiable\n"},
        {"bytes=-0", "416", "bytes */10", "416 Range Not Satisfiable\n"},
    };
    for (const auto& each : cases) {
        const std::string answer = this->answer("/ten.txt", {"-H", "Range: " + each.range});
        BOOST_TEST_CONTEXT(each.range)
        {
            BOOST_TEST(status_of(answer) == each.status);
            BOOST_TEST(field(answer, "Content-Range") == each.content_range);
            BOOST_TEST(body_of(answer) == each.body);
        }
    }
    const std::string part = curl({"-r", "1000000-9000000", server.url("/big")}).output;
    BOOST_TEST((part == shared_site().big.substr(1'000'000, 8'000'001)));
    BOOST_TEST(status_of(curl({"-I", "-H", "Range: bytes=0-1", server.url("/ten.txt")}).output) == "200");
}

BOOST_AUTO_TEST_CASE(conditions_are_weighed_before_a_file_is_sent)
{
    const std::string plain = answer("/ten.txt");
    const std::string etag = field(plain, "ETag");
    const std::string modified = field(plain, "Last-Modified");
    const std::string past = "Sun, 06 Nov 1994 08:49:37 GMT";
    struct {
        std::vector<std::string> fields;
        std::string status;
    } const cases[] = {
        {{"If-None-Match: " + etag}, "304"},
        {{"If-None-Match: \"x\", W/" + etag}, "304"},
        {{"If-None-Match: *"}, "304"},
        {{"If-None-Match: \"x\""}, "200"},
        {{"If-Modified-Since: " + modified}, "304"},
        {{"If-Modified-Since: " + past}, "200"},
        {{"If-Modified-Since: rubbish"}, "200"},
        {{"If-None-Match: \"x\"", "If-Modified-Since: " + modified}, "200"},
        {{"If-Match: " + etag}, "200"},
        {{"If-Match: \"x\""}, "412"},
        {{"If-Match: W/" + etag}, "412"},
        {{"If-Unmodified-Since: " + past}, "412"},
        {{"If-Unmodified-Since: " + modified}, "200"},
        {{"Range: bytes=0-1", "If-Range: " + etag}, "206"},
        {{"Range: bytes=0-1", "If-Range: " + modified}, "206"},
        {{"Range: bytes=0-1", "If-Range: \"x\""}, "200"},
        {{"Range: bytes=0-1", "If-Range: " + past}, "200"},
    };
    for (const auto& each : cases) {
        std::vector<std::string> options;
        for (const std::string& line : each.fields)
            options.insert(options.end(), {"-H", line});
        BOOST_TEST(status_of(answer("/ten.txt", options)) == each.status, each.fields.front());
    }
    BOOST_TEST(body_of(answer("/ten.txt", {"-H", "If-None-Match: *"})) == "");
}

BOOST_AUTO_TEST_CASE(dates_of_any_year_are_compared_as_they_are, *boost::unit_test::label("F-50"))
{
    const std::string far = "Fri, 31 Dec 9999 23:59:59 GMT";
    const std::string old = "Mon, 01 Jan 1500 00:00:00 GMT";
    const auto status = [&](const std::string& path, const std::string& line) {
        return status_of(answer(path, {"-H", line}));
    };
    BOOST_TEST(status("/ten.txt", "If-Unmodified-Since: " + far) == "200");
    BOOST_TEST(status("/ten.txt", "If-Unmodified-Since: " + old) == "412");
    BOOST_TEST(status("/ten.txt", "If-Modified-Since: " + far) == "304");
    BOOST_TEST(status("/ten.txt", "If-Modified-Since: " + old) == "200");
    // A file from the future counts as changed now, so that no client is told of a time to come.
    const test::temporary_folder later;
    later.write("later", "soon");
    for (const char* year : {"2400-01-01", "2446-05-10"}) {
        BOOST_REQUIRE(test::run({"touch", "-d", year, later.path("later")}).status == 0);
        const test::running_server other({"serve", later.path().string()});
        const std::string answer = test::run({"curl", "-sSki", other.url("/later")}).output;
        const auto told = command::parse_http_date(field(answer, "Last-Modified"));
        BOOST_REQUIRE(told.has_value());
        BOOST_TEST((std::chrono::abs(std::chrono::system_clock::now() - *told) < std::chrono::minutes(5)), answer);
        for (const std::string& line : {"If-Unmodified-Since: " + far, "If-Modified-Since: " + old})
            BOOST_TEST(status_of(test::run({"curl", "-sSki", "-H", line, other.url("/later")}).output) == "200", line);
    }
}

BOOST_AUTO_TEST_CASE(a_list_may_stand_on_several_lines, *boost::unit_test::label("F-53"))
{
    const std::string etag = field(answer("/ten.txt"), "ETag");
    const auto status = [this](const std::string& first, const std::string& second) {
        return status_of(answer("/ten.txt", {"-H", first, "-H", second}));
    };
    BOOST_TEST(status("If-None-Match: \"x\"", "If-None-Match: W/" + etag) == "304");
    BOOST_TEST(status("If-None-Match: \"x\"", "if-none-match: \"y\"") == "200");
    BOOST_TEST(status("If-Match: \"x\"", "If-Match: " + etag) == "200");
    BOOST_TEST(status("If-Match: \"x\"", "If-Match: \"y\"") == "412");
    BOOST_TEST(status("Expect: 100-continue", "Expect: miracles") == "417");
    // What is no list has no meaning on two lines.
    const std::string past = "Sun, 06 Nov 1994 08:49:37 GMT";
    BOOST_TEST(status("If-Unmodified-Since: " + past, "If-Unmodified-Since: " + past) == "200");
    const std::string two_ranges = answer("/ten.txt", {"-H", "Range: bytes=0-1", "-H", "Range: bytes=0-1"});
    BOOST_TEST(status_of(two_ranges) == "200");
}

BOOST_AUTO_TEST_CASE(requests_follow_each_other_on_one_connection)
{
    const std::string format = "%{num_connects} ";
    const test::finished_process how =
        curl({"-w", format, server.url("/ten.txt"), server.url("/none"), server.url("/empty"), server.url("/ten.txt")});
    BOOST_TEST(how.output == "01234567891 404 Not Found\n0 0 01234567890 ");
}

BOOST_AUTO_TEST_CASE(requests_that_arrive_together_are_answered_in_order)
{
    std::string requests;
    std::string expected;
    for (int i = 0; i < 50; ++i) {
        requests += "GET /ten.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=" + std::to_string(i % 10) + "-" +
                    std::to_string(i % 10) + "\r\n\r\n";
        expected += std::to_string(i % 10);
    }
    requests += "GET /empty HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    std::string answers = raw(requests);
    std::string bodies;
    for (std::size_t end = 0; (end = answers.find("\r\n\r\n")) != std::string::npos;) {
        answers.erase(0, end + 4);
        bodies += answers.substr(0, answers.find("HTTP/1.1"));
    }
    BOOST_TEST(bodies == expected);
}

BOOST_AUTO_TEST_CASE(a_request_that_is_malformed_too_large_or_of_another_version_is_refused)
{
    const std::string rest = " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    struct {
        std::string bytes;
        std::string status;
    } const cases[] = {
        {"\r\n\r\nGET /ten.txt" + rest + "\r\n", "200"},
        {"GET https://example.com/ten.txt" + rest + "\r\n", "200"},
        {"GET /ten.txt HTTP/1.0\r\n\r\n", "200"},
        {"OPTIONS *" + rest + "\r\n", "204"},
        {"GET /ten.txt HTTP/1.1\r\n\r\n", "400"},
        {"GET /ten.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
        {"GET /ten.txt HTTP/1.0\r\nExpect: miracles\r\n\r\n", "200"},
        {"hello\r\n\r\n", "400"},
        {"GET /ten.txt HTTP/1.1\nHost: a\n\n", "400"},
        {"GET /ten.txt HTTPS/1.1\r\nHost: a\r\n\r\n", "400"},
        {"GET  /ten.txt" + rest + "\r\n", "400"},
        {"GET /ten.txt" + rest + "Bad Field: x\r\n\r\n", "400"},
        {"GET /ten.txt" + rest + "Content-Length: x\r\n\r\n", "400"},
        {"GET /ten.txt" + rest + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
        {"GET /ten.txt" + rest + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
        {"GET /ten.txt" + rest + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", "400"},
        {"GET /ten.txt" + rest + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
        {"GET /ten.txt" + rest + "Content-Length: 5\r\n\r\nhello", "200"},
        {"GET /ten.txt" + rest + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200"},
        {"GET /ten.txt" + rest + "Content-Length: 70000\r\n\r\n", "413"},
        {"GET /ten.txt" + rest + "Transfer-Encoding: chunked\r\n\r\nfffff\r\n", "413"},
        {"GET /ten.txt" + rest + "Expect: miracles\r\nContent-Length: 1\r\n\r\nx", "417"},
        {"GET /" + std::string(9000, 'x') + rest + "\r\n", "414"},
        {"GET /" + std::string(20000, 'x'), "414"},
        {"GET /ten.txt" + rest + "X: " + std::string(17000, 'x') + "\r\n\r\n", "431"},
        {"GET /ten.txt HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
    };
    for (const auto& each : cases)
        BOOST_TEST(status_of(raw(each.bytes)) == each.status, each.bytes.substr(0, 60));
}

BOOST_AUTO_TEST_CASE(a_host_that_is_none_and_a_folded_line_are_refused, *boost::unit_test::label("F-54"))
{
    const auto status = [this](const std::string& lines) {
        return status_of(raw("GET /ten.txt HTTP/1.1\r\n" + lines + "Connection: close\r\n\r\n"));
    };
    for (const char* host : {"a", "example.com:8443", "127.0.0.1", "[::1]", "[::1]:8443", "", "a_b~%41", "a:"})
        BOOST_TEST(status("Host: " + std::string(host) + "\r\n") == "200", host);
    for (const char* host : {"a b/c@d", "a/b", "user@a", "[::1", "[::1]a", "::1", "a:b", "a:1:2", "\"a\"", "\xc3\xa4"})
        BOOST_TEST(status("Host: " + std::string(host) + "\r\n") == "400", host);
    BOOST_TEST(status("Host: a\r\nX: folded\r\n value\r\n") == "400");
    BOOST_TEST(status("Host: a\r\nX: folded\r\n\tvalue\r\n") == "400");
    BOOST_TEST(status("Host: a\r\n \r\n") == "400");
    BOOST_TEST(status(" Host: a\r\nHost: a\r\n") == "400");
    BOOST_TEST(status("Host: a\r\nX:   not folded\r\n") == "200");
}

BOOST_AUTO_TEST_CASE(words_of_the_protocol_are_compared_without_case, *boost::unit_test::label("F-52"))
{
    const auto asking = [this](const std::string& lines) {
        return raw("GET /ten.txt HTTP/1.1\r\nhOST: a\r\n" + lines);
    };
    for (const char* expectation : {"100-continue", "100-Continue", "100-CONTINUE"}) {
        const std::string asked =
            asking("CONNECTION: Close\r\nExpect: " + std::string(expectation) + "\r\nContent-Length: 1\r\n\r\nx");
        BOOST_TEST(status_of(asked) == "100", expectation);
        BOOST_TEST(status_of(body_of(asked)) == "200", expectation);
    }
    BOOST_TEST(status_of(asking("Connection: CLOSE\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")) ==
               "200");
    BOOST_TEST(status_of(asking("Connection: close\r\nRange: Bytes=0-1\r\n\r\n")) == "206");
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_in_the_middle_does_no_harm)
{
    for (int i = 0; i < 5; ++i) {
        const test::finished_process left = curl({"--max-filesize", "1000", server.url("/big")});
        BOOST_TEST(left.status != 0);
    }
    BOOST_TEST(raw("GET /ten.txt HTT", {"-no_ign_eof"}) == "");
    BOOST_TEST(test::run({"curl", "-sS", "--max-time", "10", "http://" + server.address() + "/"}).status != 0);
    BOOST_TEST(get("/ten.txt") == "0123456789");
}

BOOST_AUTO_TEST_CASE(sigterm_ends_it_with_0_while_a_client_keeps_its_connection)
{
    // The client stays connected and silent for as long as the server lives.
    test::process client(
        {"sh", "-c",
         "(printf 'GET /ten.txt HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'; sleep 30) | openssl s_client -quiet "
         "-connect " +
             server.address()});
    for (int i = 0; i < 1000 && client.output().find("0123456789") == std::string::npos; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    BOOST_TEST((client.output().find("0123456789") != std::string::npos));
    const auto begin = std::chrono::steady_clock::now();
    const test::finished_process how = server.stop(SIGTERM);
    BOOST_TEST(how.status == 0);
    BOOST_TEST(how.errors == "");
    BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(4)),
               "it does not wait for an idle client");
}

BOOST_AUTO_TEST_CASE(a_download_that_runs_when_sigterm_comes_is_finished)
{
    test::process client(
        {"curl", "-sS", "--cacert", files.path("root.pem"), "--limit-rate", "10M", server.url("/big")});
    for (int i = 0; i < 1000 && client.output().empty(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    server.child().send_signal(SIGTERM);
    const test::finished_process download = client.wait();
    BOOST_TEST(download.status == 0, download.errors);
    BOOST_TEST((download.output == shared_site().big));
    BOOST_TEST(server.stop(SIGCONT).status == 0);
}

BOOST_AUTO_TEST_CASE(it_says_where_it_listens_and_logs_each_request)
{
    BOOST_TEST(get("/ten.txt") == "0123456789");
    curl({server.url("/no%0aline")});
    const test::finished_process how = server.stop(SIGTERM);
    BOOST_TEST(how.status == 0);
    BOOST_TEST((how.output.starts_with("Serving " + www + " at " + server.url("/"))), how.output);
    BOOST_TEST((how.output.find("GET /ten.txt 200 10 B TLSv1.3\n") != std::string::npos), how.output);
    BOOST_TEST((how.output.find("GET /no%0aline 404 ") != std::string::npos), how.output);
    BOOST_TEST(std::ranges::count(how.output, '\n') == 3);
}

BOOST_AUTO_TEST_SUITE_END()
