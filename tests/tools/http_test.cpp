#include "tools/coil/byte_range.hpp"
#include "tools/coil/content_type.hpp"
#include "tools/coil/http_date.hpp"
#include "tools/coil/request_path.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace coil::command;

namespace {

/// "2-5" for a part, "whole" or "none".
std::string range(std::string_view field, std::uint64_t size)
{
    const byte_range parsed = parse_range(field, size);
    if (parsed.kind == byte_range::kind::whole)
        return "whole";
    if (parsed.kind == byte_range::kind::unsatisfiable)
        return "none";
    return std::to_string(parsed.first) + "-" + std::to_string(parsed.last);
}

/// What the path names, or why it names nothing.
std::string path(std::string_view target)
{
    const request_path parsed = parse_request_path(target);
    switch (parsed.kind) {
    case request_path::kind::names: return parsed.relative + (parsed.is_folder ? "/" : "");
    case request_path::kind::malformed: return "malformed";
    case request_path::kind::outside: return "outside";
    case request_path::kind::nothing: return "nothing";
    }
    return "?";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(http_test)

BOOST_AUTO_TEST_CASE(a_single_range_is_cut_to_the_file)
{
    BOOST_TEST(range("bytes=0-0", 10) == "0-0");
    BOOST_TEST(range("bytes=2-5", 10) == "2-5");
    BOOST_TEST(range("bytes=2-", 10) == "2-9");
    BOOST_TEST(range("bytes=5-99999999999999999999999999", 10) == "5-9");
    BOOST_TEST(range("bytes=0-9", 10) == "0-9");
    BOOST_TEST(range("BYTES = 3-4", 10) == "3-4");
}

BOOST_AUTO_TEST_CASE(a_suffix_range_counts_from_the_end)
{
    BOOST_TEST(range("bytes=-1", 10) == "9-9");
    BOOST_TEST(range("bytes=-10", 10) == "0-9");
    BOOST_TEST(range("bytes=-11", 10) == "0-9");
    BOOST_TEST(range("bytes=-0", 10) == "none");
}

BOOST_AUTO_TEST_CASE(a_range_behind_the_end_cannot_be_satisfied)
{
    BOOST_TEST(range("bytes=10-", 10) == "none");
    BOOST_TEST(range("bytes=10-20", 10) == "none");
    BOOST_TEST(range("bytes=99999999999999999999999999-", 10) == "none");
    BOOST_TEST(range("bytes=0-", 0) == "none");
    BOOST_TEST(range("bytes=20-30, 40-50", 10) == "none");
}

BOOST_AUTO_TEST_CASE(the_last_bytes_of_an_empty_file_are_the_whole_of_it)
{
    BOOST_TEST(range("bytes=-5", 0) == "whole");
    BOOST_TEST(range("bytes=-0", 0) == "none");
}

BOOST_AUTO_TEST_CASE(a_range_field_that_is_malformed_or_of_another_unit_is_ignored)
{
    for (const char* field :
         {"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=1", "bytes=1-2-3", "bytes=+1-2",
          "bytes=1 -2", "bytes=--1", "bytes 1-2", "items=0-1", "bytes=0-1,x", "bytesx=0-1"})
        BOOST_TEST(range(field, 10) == "whole", field);
}

BOOST_AUTO_TEST_CASE(several_ranges_become_one_part_where_they_form_one_and_the_whole_file_otherwise)
{
    BOOST_TEST(range("bytes=0-1,2-3", 10) == "0-3");
    BOOST_TEST(range("bytes=4-6, 0-4", 10) == "0-6");
    BOOST_TEST(range("bytes=0-1,,20-30", 10) == "0-1");
    BOOST_TEST(range("bytes=-3,5-7", 10) == "5-9");
    BOOST_TEST(range("bytes=0-1,3-4", 10) == "whole");
    BOOST_TEST(range("bytes=0-0,-1", 10) == "whole");
    BOOST_TEST(range("bytes=0-18446744073709551615,5-6", 10) == "0-9");
}

BOOST_AUTO_TEST_CASE(dates_are_read_in_the_three_forms_of_http)
{
    const auto when = parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
    BOOST_REQUIRE(when.has_value());
    BOOST_TEST(http_date(*when) == "Sun, 06 Nov 1994 08:49:37 GMT");
    BOOST_TEST((parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == when));
    BOOST_TEST((parse_http_date("Sun Nov  6 08:49:37 1994") == when));
    for (const char* text :
         {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT+1", "1994-11-06"})
        BOOST_TEST(!parse_http_date(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(dates_keep_their_order_as_far_as_their_form_reaches, *boost::unit_test::label("F-50"))
{
    const std::vector<std::string> in_order{"Mon, 01 Jan 0001 00:00:00 GMT", "Mon, 01 Jan 1500 00:00:00 GMT",
                                            "Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT",
                                            "Sat, 01 Jan 2400 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"};
    std::optional<std::chrono::sys_seconds> before;
    for (const std::string& text : in_order) {
        const std::optional<std::chrono::sys_seconds> when = parse_http_date(text);
        BOOST_REQUIRE(when.has_value());
        BOOST_TEST(http_date(*when) == text);
        BOOST_TEST((!before || *before < *when), text);
        before = when;
    }
    BOOST_TEST(http_date(std::chrono::sys_seconds::max()) == "Fri, 31 Dec 9999 23:59:59 GMT");
    BOOST_TEST(http_date(std::chrono::sys_seconds::min()) == "Sat, 01 Jan 0000 00:00:00 GMT");
}

BOOST_AUTO_TEST_CASE(a_path_is_decoded_and_its_dot_segments_are_resolved)
{
    BOOST_TEST(path("/") == "/");
    BOOST_TEST(path("/a/b.txt") == "a/b.txt");
    BOOST_TEST(path("/a//b") == "a/b");
    BOOST_TEST(path("/a/./b/") == "a/b/");
    BOOST_TEST(path("/a/../b") == "b");
    BOOST_TEST(path("/a/..") == "/");
    BOOST_TEST(path("/%61%20b?x=/../..") == "a b");
    BOOST_TEST(path("https://example.com/a") == "a");
    BOOST_TEST(path("HTTP://example.com") == "/");
    BOOST_TEST(path("/...") == "...");
    BOOST_TEST(path("/a\\..\\b") == "a\\..\\b");
}

BOOST_AUTO_TEST_CASE(a_path_that_leads_out_or_that_no_file_can_have_is_refused)
{
    for (const char* target : {"/..", "/../etc/passwd", "/a/../../b", "/%2e%2e/b", "/.%2E/b", "//../b"})
        BOOST_TEST(path(target) == "outside", target);
    for (const char* target : {"", "*", "a", "/%", "/%4", "/%zz", "/a%00b", "/%00", "ftp://example.com/a", "?a"})
        BOOST_TEST(path(target) == "malformed", target);
    for (const char* target : {"/a%2fb", "/%2e%2e%2f", "/..%2F..%2Fetc"})
        BOOST_TEST(path(target) == "nothing", target);
}

BOOST_AUTO_TEST_CASE(where_a_folder_moved_to_never_names_another_host)
{
    BOOST_TEST(parse_request_path("//evil.example").as_folder == "/evil.example/");
    BOOST_TEST(parse_request_path("/%2fevil.example/x").as_folder == "/%2Fevil.example/x/");
    BOOST_TEST(parse_request_path("/a b%0d%0aX: y").as_folder == "/a%20b%0D%0AX%3A%20y/");
    BOOST_TEST(parse_request_path("/a?b=c").query == "?b=c");
}

BOOST_AUTO_TEST_CASE(the_ending_of_a_name_decides_its_type)
{
    BOOST_TEST(content_type("a/b.html") == "text/html; charset=utf-8");
    BOOST_TEST(content_type("A.PNG") == "image/png");
    BOOST_TEST(content_type("a.tar.gz") == "application/gzip");
    for (const char* name : {"a", "a.", "a.unknown", "a.html/b", ""})
        BOOST_TEST(content_type(name) == "application/octet-stream", name);
}

BOOST_AUTO_TEST_SUITE_END()
