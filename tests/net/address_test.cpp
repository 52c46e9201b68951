#include <coil/net/address.hpp>

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace coil::net;
using namespace std::string_view_literals;

BOOST_AUTO_TEST_SUITE(address_test)

BOOST_AUTO_TEST_CASE(reads_ipv4)
{
    const std::optional<address> parsed = address::parse("127.0.0.1", 8000);
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST((parsed->family() == address_family::ipv4));
    BOOST_TEST(parsed->family_name() == "IPv4");
    BOOST_TEST(parsed->ip() == "127.0.0.1");
    BOOST_TEST(parsed->port() == 8000);
    BOOST_TEST(parsed->path().empty());
    BOOST_TEST(parsed->to_string() == "127.0.0.1:8000");
}

BOOST_AUTO_TEST_CASE(reads_ipv6)
{
    const std::optional<address> parsed = address::parse("2001:DB8:0:0::1", 443);
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST((parsed->family() == address_family::ipv6));
    BOOST_TEST(parsed->family_name() == "IPv6");
    BOOST_TEST(parsed->ip() == "2001:db8::1");
    BOOST_TEST(parsed->to_string() == "[2001:db8::1]:443");
    BOOST_TEST(address::parse("::ffff:1.2.3.4", 1)->ip() == "::ffff:1.2.3.4");
}

BOOST_AUTO_TEST_CASE(reads_a_zone_by_name_or_number)
{
    const std::optional<address> named = address::parse("fe80::1%lo", 1);
    BOOST_REQUIRE(named.has_value());
    BOOST_TEST(reinterpret_cast<const sockaddr_in6*>(named->system_address())->sin6_scope_id == 1U);
    const std::optional<address> numbered = address::parse("fe80::1%77", 1);
    BOOST_REQUIRE(numbered.has_value());
    BOOST_TEST(reinterpret_cast<const sockaddr_in6*>(numbered->system_address())->sin6_scope_id == 77U);
    BOOST_TEST(numbered->ip() == "fe80::1");
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_address)
{
    for (const std::string_view text :
         {""sv, " "sv, "localhost"sv, "1.2.3"sv, "1.2.3.4.5"sv, "256.0.0.1"sv, "01.2.3.4 "sv, "1.2.3.4:80"sv, "[::1]"sv,
          ":::"sv, "::1%"sv, "::1%a b"sv, "::1%a%b"sv, "::1/64%lo"sv, "1.2.3.4%lo"sv, "1.2.3.4\0.example"sv, "::1\0"sv,
          "::1%1\0"sv}) {
        BOOST_TEST_CONTEXT(text)
        {
            BOOST_TEST(!address::parse(text, 0).has_value());
            BOOST_TEST(!is_ip(text));
        }
    }
    BOOST_TEST(is_ip("::"));
    BOOST_TEST(is_ip("0.0.0.0"));
}

BOOST_AUTO_TEST_CASE(an_address_with_a_zone_is_one_wherever_the_zone_is, *boost::unit_test::label("F-56"))
{
    for (const std::string_view text : {"fe80::1%lo"sv, "fe80::1%1"sv})
        BOOST_TEST((is_ip(text) && address::parse(text, 0)), text);
    // No machine has these, and they are no names of hosts all the same.
    for (const std::string_view text :
         {"fe80::1%nosuchzone"sv, "::1%-1"sv, "::1%12345678901"sv, "fe80::1%wg-home_0.1"sv})
        BOOST_TEST((is_ip(text) && !address::parse(text, 0)), text);
}

BOOST_AUTO_TEST_CASE(paths_fit_into_107_bytes)
{
    const std::string longest(107, 'p');
    const std::optional<address> made = address::of_path(longest);
    BOOST_REQUIRE(made.has_value());
    BOOST_TEST((made->family() == address_family::unix_path));
    BOOST_TEST(made->family_name() == "Unix");
    BOOST_TEST(made->path() == longest);
    BOOST_TEST(made->to_string() == longest);
    BOOST_TEST(made->port() == 0);
    BOOST_TEST(made->ip().empty());
    BOOST_TEST(!address::of_path(longest + "p").has_value());
    BOOST_TEST(!address::of_path("").has_value());
    BOOST_TEST(!address::of_path("a\0b"sv).has_value());
}

BOOST_AUTO_TEST_CASE(a_name_without_a_file_keeps_its_length)
{
    const std::string_view name = "\0abstract"sv;
    const std::optional<address> made = address::of_path(name);
    BOOST_REQUIRE(made.has_value());
    BOOST_TEST(made->path() == name);
    BOOST_TEST(made->system_size() == sizeof(sa_family_t) + name.size());
}

BOOST_AUTO_TEST_CASE(comes_back_from_the_system_as_it_went)
{
    for (const address& each : {*address::parse("1.2.3.4", 5), *address::parse("::1", 6), *address::of_path("/tmp/x")}) {
        sockaddr_storage storage{};
        std::memcpy(&storage, each.system_address(), each.system_size());
        const address back = address::from_system(storage, each.system_size());
        BOOST_TEST(back.to_string() == each.to_string());
    }
    sockaddr_storage unnamed{};
    unnamed.ss_family = AF_UNIX;
    BOOST_TEST(address::from_system(unnamed, sizeof(sa_family_t)).path().empty());
}

BOOST_AUTO_TEST_CASE(the_port_can_be_changed)
{
    BOOST_TEST(address::parse("1.2.3.4", 5)->with_port(6).to_string() == "1.2.3.4:6");
    BOOST_TEST(address::parse("::1", 5)->with_port(65535).port() == 65535);
    BOOST_TEST(address::of_path("p")->with_port(6).port() == 0);
}

BOOST_AUTO_TEST_CASE(any_is_for_listening)
{
    BOOST_TEST(address::any(address_family::ipv4, 1).to_string() == "0.0.0.0:1");
    BOOST_TEST(address::any(address_family::ipv6, 2).to_string() == "[::]:2");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
