#include "tests/support/credentials.hpp"
#include "tests/tools/command.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <unistd.h>

using namespace coil;

namespace {

struct servers {
    test::credential_files files;

    /// A server with one of the shared identities.
    test::running_server start(const std::string& identity, std::vector<std::string> options = {})
    {
        options.insert(options.begin(), {"echo", "--quiet", "--cert", files.path(identity + ".pem"), "--key",
                                         files.path(identity + ".key")});
        return test::running_server(options);
    }

    /// To a server that waits for the end of what is sent to it.
    test::finished_process connect(std::vector<std::string> options, const std::string& input = "")
    {
        options.insert(options.begin(), {test::coil_command(), "connect", "--half-close"});
        return test::run(options, input);
    }
};

void check_says(const std::string& text, const std::vector<std::string>& words)
{
    for (const std::string& word : words)
        BOOST_TEST((text.find(word) != std::string::npos), "it does not say " << word << ":\n" << text);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(connect_test, servers)

BOOST_AUTO_TEST_CASE(the_report_tells_what_was_negotiated_and_who_the_peer_is)
{
    const test::running_server server = start("server_below", {"--alpn", "one,two"});
    const test::finished_process how =
        connect({"--ca", files.path("root.pem"), "--alpn", "two", "localhost:" + server.port()}, "through");
    BOOST_TEST(how.status == 0);
    BOOST_TEST(how.output == "through");
    check_says(how.errors, {"localhost at 127.0.0.1:" + server.port(), "TLSv1.3", "TLS_AES_256_GCM_SHA384", "two",
                            "verified", "0 server", "CN=localhost", "issued by   CN=coil test intermediate", "1 issuer",
                            "2 root", "days left", "localhost, 127.0.0.1", "EC P-256", "SHA-256", " ms"});
    BOOST_TEST((how.errors.find('\033') == std::string::npos), "no colours where there is no terminal");
}

BOOST_AUTO_TEST_CASE(quiet_leaves_the_report_out)
{
    const test::running_server server = start("server");
    const test::finished_process how =
        connect({"-q", "--ca", files.path("root.pem"), "--tls-max-v1.2", "localhost:" + server.port()}, "x");
    BOOST_TEST(how.output == "x");
    BOOST_TEST(how.errors == "");
    BOOST_TEST(how.status == 0);
}

BOOST_AUTO_TEST_CASE(a_server_that_cannot_be_verified_is_refused_in_plain_words)
{
    struct {
        std::string identity;
        std::string code;
        std::string words;
    } const cases[] = {
        {"expired", "CERT_HAS_EXPIRED", "has expired"},
        {"not_yet_valid", "CERT_NOT_YET_VALID", "not valid yet"},
        {"self_signed_server", "DEPTH_ZERO_SELF_SIGNED_CERT", "signed its certificate itself"},
        {"server_b", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "issuer is not known"},
        {"wrong_name", "ERR_TLS_CERT_ALTNAME_INVALID", "other names than localhost"},
    };
    for (const auto& each : cases) {
        const test::running_server server = start(each.identity);
        BOOST_TEST_CONTEXT(each.identity)
        {
            const test::finished_process refused =
                connect({"-q", "--ca", files.path("root.pem"), "localhost:" + server.port()}, "secret");
            BOOST_TEST(refused.status == 1);
            BOOST_TEST(refused.output == "");
            check_says(refused.errors, {"coil connect:", each.code, each.words, "--insecure"});
            const test::finished_process insecure =
                connect({"-k", "--ca", files.path("root.pem"), "localhost:" + server.port()}, "public");
            BOOST_TEST(insecure.status == 0);
            BOOST_TEST(insecure.output == "public");
            check_says(insecure.errors, {"FAILED", each.code, each.words});
        }
    }
}

BOOST_AUTO_TEST_CASE(the_chain_of_a_server_that_is_refused_is_shown, *boost::unit_test::label("F-67"))
{
    for (const std::string identity : {"expired", "wrong_name", "self_signed_server"}) {
        const test::running_server server = start(identity);
        const test::finished_process refused = connect({"--ca", files.path("root.pem"), "localhost:" + server.port()});
        BOOST_TEST(refused.status == 1);
        check_says(refused.errors, {"FAILED", "0 server", "CN=", "SHA-256", "refused: "});
    }
}

BOOST_AUTO_TEST_CASE(another_servername_is_sent_and_checked)
{
    const test::running_server server = start("server_a");
    const std::string address = server.address();
    const test::finished_process right =
        connect({"--ca", files.path("root.pem"), "--servername", "a.example.com", address});
    BOOST_TEST(right.status == 0);
    check_says(right.errors, {"verified", "servername    a.example.com"});
    const test::finished_process wrong = connect({"--ca", files.path("root.pem"), address});
    BOOST_TEST(wrong.status == 1);
    check_says(wrong.errors, {"ERR_TLS_CERT_ALTNAME_INVALID", "none sent"});
}

BOOST_AUTO_TEST_CASE(a_client_certificate_is_sent_where_the_server_asks_for_one)
{
    const test::running_server server = start("server", {"--request-cert", "--ca", files.path("root.pem")});
    const std::vector<std::string> base{"-q", "--ca", files.path("root.pem"), "localhost:" + server.port()};
    const test::finished_process without = connect(base, "x");
    BOOST_TEST(without.status == 1);
    check_says(without.errors, {"ERR_SSL_"});
    std::vector<std::string> with = base;
    with.insert(with.begin(), {"--cert", files.path("client.pem"), "--key", files.path("client.key")});
    BOOST_TEST(connect(with, "x").output == "x");
}

BOOST_AUTO_TEST_CASE(what_goes_wrong_in_the_network_is_one_line_and_status_1)
{
    const test::running_server server = start("server", {"--tls-min-v1.3"});
    struct {
        std::vector<std::string> arguments;
        std::vector<std::string> words;
    } const cases[] = {
        {{"-q", "127.0.0.1:1"}, {"127.0.0.1", "port 1", "ECONNREFUSED"}},
        {{"-q", "nowhere.invalid"}, {"nowhere.invalid", "port 443"}},
        {{"-q", "--tls-max-v1.2", server.address()}, {"ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION"}},
    };
    for (const auto& each : cases) {
        const test::finished_process how = connect(each.arguments);
        BOOST_TEST(how.status == 1);
        BOOST_TEST(how.output == "");
        BOOST_TEST(std::ranges::count(how.errors, '\n') == 1, how.errors);
        check_says(how.errors, each.words);
    }
}

BOOST_AUTO_TEST_CASE(a_pipe_can_be_its_input_and_its_output)
{
    const test::running_server server = start("server");
    const std::string pipeline = "head -c 3000000 /dev/zero | \"$1\" connect -qN --ca \"$2\" localhost:$3 | wc -c";
    const test::finished_process how =
        test::run({"sh", "-c", pipeline, "sh", test::coil_command(), files.path("root.pem"), server.port()});
    BOOST_TEST(std::stol(how.output) == 3000000);
    BOOST_TEST(how.errors == "");
}

BOOST_AUTO_TEST_CASE(line_ends_become_cr_lf_where_asked_for)
{
    const test::running_server server = start("server");
    const std::string port = "localhost:" + server.port();
    BOOST_TEST(connect({"-qk", "--crlf", port}, "a\nb\r\n\n\rc").output == "a\r\nb\r\n\r\n\rc");
    BOOST_TEST(connect({"-qk", port}, "a\nb").output == "a\nb");
}

BOOST_AUTO_TEST_CASE(openssl_s_server_hears_what_it_sends)
{
    test::process server({"openssl", "s_server", "-WWW", "-naccept", "1", "-accept", "127.0.0.1:0", "-cert",
                          files.path("server.pem"), "-key", files.path("server.key")});
    std::string port;
    for (int i = 0; i < 500 && port.empty(); ++i) {
        const std::string said = server.output();  // "ACCEPT 0.0.0.0:12345"
        const std::size_t colon = said.find_last_of(':');
        if (said.find("ACCEPT ") != std::string::npos && said.ends_with('\n'))
            port = said.substr(colon + 1, said.size() - colon - 2);
        else
            ::usleep(10'000);
    }
    BOOST_REQUIRE(port != "");
    const test::finished_process how =
        test::run({test::coil_command(), "connect", "-q", "--ca", files.path("root.pem"), "localhost:" + port},
                  "GET /no-such-file HTTP/1.0\r\n\r\n");
    check_says(how.output, {"HTTP/1.0 200 ok", "no-such-file"});
}

BOOST_AUTO_TEST_CASE(standard_streams_that_the_caller_closed_are_empty_ones, *boost::unit_test::label("F-36"))
{
    const test::running_server server = start("server");
    for (const std::string closed : {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"}) {
        const std::string script = "exec \"$1\" connect --half-close --ca \"$2\" \"localhost:$3\" " + closed;
        const test::finished_process how =
            test::run({"sh", "-c", script, "sh", test::coil_command(), files.path("root.pem"), server.port()}, "hello");
        BOOST_TEST(how.status == 0, closed << ": " << how.errors);
        BOOST_TEST(how.output == (closed == "2>&-" ? "hello" : ""));
    }
}

BOOST_AUTO_TEST_SUITE_END()
