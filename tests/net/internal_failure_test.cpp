#include <coil/net/internal/failure.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace {

using namespace coil;
using namespace coil::net;
using namespace coil::net::internal;

address at(const char* ip, std::uint16_t port)
{
    return *address::parse(ip, port);
}

BOOST_AUTO_TEST_SUITE(internal_failure_test)

// The texts are those that Node.js 20 gives for the same failures.
BOOST_AUTO_TEST_CASE(failures_have_the_texts_of_node)
{
    const std::error_code refused = error_from_errno(ECONNREFUSED);
    BOOST_TEST(connect_failure(refused, at("127.0.0.1", 1), std::nullopt).message ==
               "connect ECONNREFUSED 127.0.0.1:1");
    BOOST_TEST(connect_failure(refused, at("::1", 1), std::nullopt).message == "connect ECONNREFUSED ::1:1");
    BOOST_TEST(connect_failure(refused, at("127.0.0.1", 1), at("127.0.0.1", 22222)).message ==
               "connect ECONNREFUSED 127.0.0.1:1 - Local (127.0.0.1:22222)");
    BOOST_TEST(connect_failure(error_from_errno(ETIMEDOUT), at("192.0.2.1", 80), std::nullopt).message ==
               "connect ETIMEDOUT 192.0.2.1:80");
    BOOST_TEST(connect_failure(error_from_errno(ENOENT), *address::of_path("/nonexist"), std::nullopt).message ==
               "connect ENOENT /nonexist");
    BOOST_TEST(bind_failure(error_from_errno(EADDRNOTAVAIL), at("192.0.2.1", 0)).message ==
               "bind EADDRNOTAVAIL 192.0.2.1");
    BOOST_TEST(lookup_failure(errc::host_not_found, "nosuch.example").message ==
               "getaddrinfo ENOTFOUND nosuch.example");
    BOOST_TEST(lookup_failure(errc::lookup_failed, "nosuch.example").message == "getaddrinfo EAI_AGAIN nosuch.example");
    BOOST_TEST(listen_failure(error_from_errno(EADDRINUSE), at("127.0.0.1", 32779)).message ==
               "listen EADDRINUSE: address already in use 127.0.0.1:32779");
    BOOST_TEST(listen_failure(error_from_errno(EADDRINUSE), address::any(address_family::ipv6, 32779)).message ==
               "listen EADDRINUSE: address already in use :::32779");
    BOOST_TEST(listen_failure(error_from_errno(EADDRNOTAVAIL), at("192.0.2.1", 80)).message ==
               "listen EADDRNOTAVAIL: address not available 192.0.2.1:80");
    BOOST_TEST(listen_failure(error_from_errno(EACCES), *address::of_path("/nonexist/x")).message ==
               "listen EACCES: permission denied /nonexist/x");
    BOOST_TEST(stream_failure(errc::reset, "read").message == "read ECONNRESET");
    BOOST_TEST(stream_failure(error_from_errno(EPIPE), "write").message == "write EPIPE");
}

BOOST_AUTO_TEST_CASE(failures_have_the_fields_of_node)
{
    const error_info refused = connect_failure(error_from_errno(ECONNREFUSED), at("::1", 443), at("::2", 9));
    BOOST_TEST((refused.error == std::errc::connection_refused));
    BOOST_TEST(refused.code == "ECONNREFUSED");
    BOOST_TEST(refused.system_number == ECONNREFUSED);
    BOOST_TEST(refused.syscall == "connect");
    BOOST_TEST(refused.address == "::1");
    BOOST_TEST(refused.port == 443);
    BOOST_TEST(refused.local_address == "::2");
    BOOST_TEST(refused.local_port == 9);
    BOOST_TEST(refused.errors.empty());
    const error_info unknown = lookup_failure(errc::host_not_found, "nosuch.example");
    BOOST_TEST(unknown.syscall == "getaddrinfo");
    BOOST_TEST(unknown.hostname == "nosuch.example");
    BOOST_TEST(unknown.system_number == 0);
    const error_info path = listen_failure(error_from_errno(EACCES), *address::of_path("/nonexist/x"));
    BOOST_TEST(path.syscall == "listen");
    BOOST_TEST(path.address == "/nonexist/x");
    BOOST_TEST(path.port == 0);
    const error_info local = bind_failure(error_from_errno(EADDRNOTAVAIL), at("192.0.2.1", 7));
    BOOST_TEST(local.syscall == "bind");
    BOOST_TEST(local.address == "192.0.2.1");
    BOOST_TEST(local.port == 7);
}

BOOST_AUTO_TEST_CASE(several_failures_make_one_that_has_them_all)
{
    std::vector<error_info> attempts;
    attempts.push_back(connect_failure(error_from_errno(ENETUNREACH), at("2001:db8::1", 80), std::nullopt));
    BOOST_TEST(joint_failure(attempts).errors.empty());
    attempts.push_back(connect_failure(error_from_errno(ECONNREFUSED), at("192.0.2.1", 80), std::nullopt));
    const error_info both = joint_failure(attempts);
    BOOST_TEST(both.code == "ENETUNREACH");
    BOOST_TEST(both.message == "connect ENETUNREACH 2001:db8::1:80; connect ECONNREFUSED 192.0.2.1:80");
    BOOST_TEST(both.errors.size() == 2U);
    BOOST_TEST(both.errors[1].address == "192.0.2.1");
    attempts.resize(1000, attempts.back());
    const error_info many = joint_failure(attempts);
    BOOST_TEST(many.errors.size() == 1000U);
    BOOST_TEST(many.message.ends_with("; and 996 more"));
    BOOST_TEST(many.message.size() < 300U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
