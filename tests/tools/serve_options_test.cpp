#include "tests/tools/served_site.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

using namespace coil;
using test::body_of;
using test::served;
using test::shared_site;
using test::status_of;

BOOST_AUTO_TEST_SUITE(serve_options_test)

BOOST_AUTO_TEST_CASE(two_threads_serve_many_connections_at_once)
{
    served two({"--threads", "2", "--quiet"});
    std::vector<std::string> options{"--parallel", "--parallel-immediate", "--parallel-max", "16"};
    for (int i = 0; i < 64; ++i)
        options.insert(options.end(), {two.server.url("/kib"), "-o", two.www + "/../out" + std::to_string(i)});
    const test::finished_process how = two.curl(options);
    BOOST_TEST(how.status == 0, how.errors);
    const std::string expected = test::read_file(two.www + "/kib");
    for (int i = 0; i < 64; ++i)
        BOOST_TEST((test::read_file(two.www + "/../out" + std::to_string(i)) == expected));
    const test::finished_process end = two.server.stop(SIGTERM);
    BOOST_TEST(end.status == 0);
    BOOST_TEST(end.output == "", "quiet");
}

BOOST_AUTO_TEST_CASE(without_a_certificate_it_makes_one_and_says_so)
{
    test::running_server server({"serve", shared_site().folder.path("www")});
    BOOST_TEST(test::run({"curl", "-sS", server.url("/ten.txt")}).status == 60);  // "cannot be authenticated"
    BOOST_TEST(test::run({"curl", "-sSk", server.url("/ten.txt")}).output == "0123456789");
    const std::string seen = test::run({test::coil_command(), "connect", "-kN", server.address()}).errors;
    const std::string notice = server.stop(SIGTERM).errors;
    BOOST_TEST((notice.find("throwaway certificate") != std::string::npos), notice);
    const std::size_t fingerprint = notice.find("SHA-256  ");
    BOOST_REQUIRE(fingerprint != std::string::npos);
    BOOST_TEST((seen.find(notice.substr(fingerprint + 9, 95)) != std::string::npos), seen);
}

BOOST_AUTO_TEST_CASE(clients_without_a_certificate_are_refused_where_one_is_asked_for)
{
    test::credential_files trust;
    served closed({"--request-cert", "--ca", trust.path("root.pem")});
    BOOST_TEST(closed.get("/ten.txt") == "");
    const test::finished_process with = closed.curl(
        {"--cert", trust.path("client.pem"), "--key", trust.path("client.key"), closed.server.url("/ten.txt")});
    BOOST_TEST(with.output == "0123456789", with.errors);
    const test::finished_process foreign =
        closed.curl({"--cert", trust.path("foreign_client.pem"), "--key", trust.path("foreign_client.key"),
                     closed.server.url("/ten.txt")});
    BOOST_TEST(foreign.output == "");
    const std::string log = closed.server.stop(SIGTERM).output;
    BOOST_TEST((log.find("no secure connection: ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") != std::string::npos), log);
}

BOOST_AUTO_TEST_CASE(a_client_without_a_certificate_is_served_where_none_has_to_be_good,
                     *boost::unit_test::label("F-70"))
{
    test::credential_files trust;
    served open({"--request-cert", "--no-reject-unauthorized", "--ca", trust.path("root.pem")});
    BOOST_TEST(open.get("/ten.txt") == "0123456789");
    for (const std::string name : {"client", "foreign_client"}) {
        const test::finished_process with = open.curl(
            {"--cert", trust.path(name + ".pem"), "--key", trust.path(name + ".key"), open.server.url("/ten.txt")});
        BOOST_TEST(with.output == "0123456789", with.errors);
    }
}

BOOST_AUTO_TEST_CASE(a_group_given_allows_dhe_ciphers, *boost::unit_test::label("CTX-19 GEN-05"))
{
    const test::temporary_folder folder;
    folder.write("cert.pem", test::shared_credentials().server_rsa.cert);
    folder.write("key.pem", test::shared_credentials().server_rsa.key);
    folder.write(
        "group.pem",
        test::run({"openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"}).output);
    for (const std::string group : {"", "auto", "group.pem"}) {
        std::vector<std::string> options{
            "serve", "--quiet", "--cert", folder.path("cert.pem"), "--key", folder.path("key.pem")};
        if (!group.empty())
            options.insert(options.end(), {"--dhparam", group == "auto" ? group : folder.path(group)});
        options.push_back(shared_site().folder.path("www"));
        const test::running_server server(options);
        const test::finished_process how = test::run(
            {"curl", "-sSk", "--tls-max", "1.2", "--ciphers", "DHE-RSA-AES128-GCM-SHA256", server.url("/ten.txt")});
        BOOST_TEST(how.output == (group.empty() ? "" : "0123456789"), group << how.errors);
    }
}

BOOST_AUTO_TEST_CASE(a_handshake_that_does_not_come_is_cut_off_at_the_time_given)
{
    served hasty({"--handshake-timeout", "1"});
    // bash's own socket says nothing, and its read ends when the server does.
    const std::string silent = "exec 3<>/dev/tcp/127.0.0.1/" + hasty.server.port() + "; cat <&3";
    test::process client({"timeout", "15", "bash", "-c", silent});
    BOOST_TEST(client.wait().status != 124, "it was not cut off");
    const std::string log = hasty.server.stop(SIGTERM).output;
    BOOST_TEST((log.find("ERR_TLS_HANDSHAKE_TIMEOUT") != std::string::npos), log);
}

BOOST_AUTO_TEST_CASE(no_more_connections_are_served_at_once_than_were_allowed, *boost::unit_test::label("F-23"))
{
    served small({"--max-connections", "1"});
    test::process first({"sh", "-c",
                         "(printf 'GET /ten.txt HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'; sleep 30) | "
                         "openssl s_client -quiet -connect " +
                             small.server.address()});
    for (int i = 0; i < 1000 && first.output().find("0123456789") == std::string::npos; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    BOOST_TEST((first.output().find("0123456789") != std::string::npos));
    BOOST_TEST(small.curl({"--max-time", "5", small.server.url("/ten.txt")}).status != 0);
}

BOOST_AUTO_TEST_CASE(slow_clients_are_cut_off)
{
    served hasty({"--request-timeout", "1", "--idle-timeout", "1"});
    const auto begin = std::chrono::steady_clock::now();
    const std::string half =
        "(printf 'GET /ten.txt HT'; sleep 30) | openssl s_client -quiet -connect " + hasty.server.address();
    test::process client({"sh", "-c", half});
    for (int i = 0; i < 1000 && client.output().empty(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    BOOST_TEST(status_of(client.output()) == "408");
    const std::string idle = "GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    BOOST_TEST(body_of(hasty.raw(idle)) == "0123456789");
    BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(12)));
}

BOOST_AUTO_TEST_CASE(only_the_versions_and_ciphers_that_were_allowed_are_spoken)
{
    served modern({"--tls-min-v1.3", "--tls-cipher-list", "TLS_AES_128_GCM_SHA256"});
    BOOST_TEST(modern.get("/ten.txt") == "0123456789");
    BOOST_TEST(modern.curl({"--tls-max", "1.2", modern.server.url("/ten.txt")}).status == 35);
    const std::string report = test::run({test::coil_command(), "connect", "--half-close", "--ca",
                                          modern.files.path("root.pem"), modern.server.address()})
                                   .errors;
    BOOST_TEST((report.find("TLS_AES_128_GCM_SHA256") != std::string::npos), report);
}

BOOST_AUTO_TEST_SUITE_END()
