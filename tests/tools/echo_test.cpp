#include "tests/support/credentials.hpp"
#include "tests/tools/command.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <random>
#include <string>
#include <vector>

using namespace coil;

namespace {

std::string random_bytes(std::size_t size)
{
    std::mt19937_64 random(size);
    std::string text;
    while (text.size() < size)
        text += std::to_string(random()) + std::string(1, static_cast<char>(random()));
    text.resize(size);
    return text;
}

struct echo_server {
    test::credential_files files;
    test::running_server server{
        {"echo", "--quiet", "--threads", "2", "--cert", files.path("server.pem"), "--key", files.path("server.key")}};

    /// What comes back through `coil connect`.
    std::string echoed(const std::string& text, std::vector<std::string> options = {})
    {
        options.insert(options.begin(),
                       {test::coil_command(), "connect", "--quiet", "--half-close", "--ca", files.path("root.pem")});
        options.push_back("localhost:" + server.port());
        const test::finished_process how = test::run(options, text);
        BOOST_TEST(how.errors == "");
        BOOST_TEST(how.status == 0);
        return how.output;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(echo_test, echo_server)

BOOST_AUTO_TEST_CASE(it_sends_back_what_arrives_whatever_its_size)
{
    for (const std::size_t size : {0, 1, 511, 512, 513, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 512, 300'000}) {
        const std::string text = random_bytes(size);
        BOOST_TEST((echoed(text) == text), size << " bytes");
    }
}

BOOST_AUTO_TEST_CASE(it_sends_back_16_mebibytes_at_tls_1_2_and_1_3)
{
    const std::string text = random_bytes(16 * 1024 * 1024);
    BOOST_TEST((echoed(text, {"--tls-max-v1.2"}) == text));
    BOOST_TEST((echoed(text, {"--tls-min-v1.3"}) == text));
}

BOOST_AUTO_TEST_CASE(openssl_s_client_gets_its_line_back)
{
    const std::string typing =
        "(echo to be returned; sleep 1) | openssl s_client -quiet -no_ign_eof -verify_return_error "
        "-CAfile \"$1\" -connect \"$2\"";
    const test::finished_process how = test::run({"sh", "-c", typing, "sh", files.path("root.pem"), server.address()});
    BOOST_TEST(how.output == "to be returned\n");
}

BOOST_AUTO_TEST_CASE(garbage_and_plain_http_end_only_their_own_connection)
{
    const std::string url = "http://" + server.address() + "/";
    BOOST_TEST(test::run({"curl", "-sS", "--max-time", "10", url}).status != 0);
    BOOST_TEST(echoed("still there") == "still there");
}

BOOST_AUTO_TEST_CASE(sigint_ends_it_with_0)
{
    const test::finished_process how = server.stop(SIGINT);
    BOOST_TEST(how.status == 0);
    BOOST_TEST(how.errors == "");
}

BOOST_AUTO_TEST_SUITE_END()
