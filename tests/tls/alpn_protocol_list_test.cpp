#include <coil/tls/alpn_protocol_list.hpp>

#include <coil/tls/error.hpp>

#include "tests/support/engine_pair.hpp"
#include "tests/support/thrown_code.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace coil;
using test::thrown_code;

BOOST_AUTO_TEST_SUITE(alpn_protocol_list_test)

BOOST_AUTO_TEST_CASE(a_list_knows_its_names_in_order)
{
    const tls::alpn_protocol_list list{"h2", "http/1.1"};
    BOOST_TEST(list.names() == (std::vector<std::string>{"h2", "http/1.1"}), boost::test_tools::per_element());
    BOOST_TEST(list.contains("http/1.1"));
    BOOST_TEST(!list.contains("http/1"));
    BOOST_TEST(!list.contains("2"));
    BOOST_TEST((list == tls::alpn_protocol_list(test::as_bytes(list.wire()))));
    BOOST_TEST(tls::alpn_protocol_list().names().empty());
    BOOST_TEST(!tls::alpn_protocol_list().contains(""));
}

BOOST_AUTO_TEST_CASE(names_of_application_protocols_are_checked_when_given,
                     *boost::unit_test::label("ALPN-01 ALPN-02 CONN-14 ERR-27 OPT-03 B-054"))
{
    const std::string longest(255, 'x');
    const std::string too_long(256, 'x');
    BOOST_TEST(tls::alpn_protocol_list({longest}).wire().size() == 256u);
    BOOST_TEST(thrown_code([&] { tls::alpn_protocol_list{too_long}; }) == "ERR_OUT_OF_RANGE");
    BOOST_TEST(thrown_code([&] { tls::alpn_protocol_list(std::vector<std::string>{"a", ""}); }) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(tls::alpn_protocol_list(test::as_bytes("\x02h2\x01z")).wire() == "\x02h2\x01z");
    for (const std::string_view wire : {"\x03h2", "\x02h2\x01", "\x02h2\x05z"})
        BOOST_TEST(thrown_code([&] { tls::alpn_protocol_list(test::as_bytes(wire)); }) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(thrown_code([&] { tls::alpn_protocol_list(test::as_bytes(std::string_view("\0", 1))); }) ==
               "ERR_INVALID_ARG_VALUE");
}

BOOST_AUTO_TEST_SUITE_END()
