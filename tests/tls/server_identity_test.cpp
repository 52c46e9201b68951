#include <coil/tls/server_identity.hpp>

#include <coil/tls/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace coil;

namespace {

tls::certificate with(std::optional<std::string> names, std::vector<std::string> common = {})
{
    tls::certificate cert;
    cert.subjectaltname = std::move(names);
    std::vector<tls::distinguished_name::entry> entries{{"O", "coil"}};
    for (std::string& name : common)
        entries.emplace_back("CN", std::move(name));
    cert.subject = tls::distinguished_name(std::move(entries));
    return cert;
}

std::string reason(std::string_view host, const tls::certificate& cert)
{
    const std::optional<tls::identity_error> mismatch = tls::check_server_identity(host, cert);
    if (!mismatch)
        return "";
    BOOST_TEST(mismatch->code == "ERR_TLS_CERT_ALTNAME_INVALID");
    return mismatch->reason;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(server_identity_test)

BOOST_AUTO_TEST_CASE(names_match_as_node_matches_them, *boost::unit_test::label("IDN-03 to IDN-13 B-037 to B-039"))
{
    struct row {
        std::string host;
        std::optional<std::string> names;
        std::vector<std::string> common;
        bool matches;
    };
    const std::optional<std::string> none;
    const row table[] = {
        {"a.com", "DNS:a.com", {}, true},
        {"A.Com", "DNS:a.COM", {}, true},
        {"a.com.", "DNS:a.com", {}, true},
        {"a.com", "DNS:a.com.", {}, true},
        {"a.com", "DNS:b.com", {}, false},
        {"a.com", "DNS:b.com, DNS:a.com", {}, true},
        {"a.com", "DNS:b.com", {"a.com"}, false},               // the common name does not count then
        {"a.com", none, {"a.com"}, true},
        {"a.com", none, {"b.com", "a.com"}, true},
        {"a.com", "IP Address:8.8.8.8", {"a.com"}, true},       // other kinds do not hide it
        {"a.com", "URI:http://a.com/", {"a.com"}, true},
        {"a.com", "URI:http://a.com/", {}, false},
        {"a.com", "email:x@a.com", {}, false},
        {"a.com", none, {}, false},
        {"b.a.com", "DNS:*.a.com", {}, true},
        {"a.com", "DNS:*.a.com", {}, false},
        {"c.b.a.com", "DNS:*.a.com", {}, false},
        {"ba.com", "DNS:*a.com", {}, false},                    // two labels only
        {"foo.a.com", "DNS:f*.a.com", {}, true},
        {"f.a.com", "DNS:f*.a.com", {}, true},
        {"xo.a.com", "DNS:*o.a.com", {}, true},
        {"foo.a.com", "DNS:f*o*.a.com", {}, false},
        {"b.foo.com", "DNS:b.*.com", {}, false},
        {"a.com", "DNS:*.com", {}, false},
        {"localhost", "DNS:*", {}, false},
        {"a.co.uk", "DNS:*.co.uk", {}, true},
        {"b.a.com", none, {"*.a.com"}, true},
        {".a.com", "DNS:*.a.com", {}, true},
        {"b.a.com", "DNS:b..com", {}, false},
        {"xn--bcher-kva.a.com", "DNS:*.a.com", {}, true},
        {"xn--bcher-kva.a.com", "DNS:xn--bcher-kva.a.com", {}, true},
        {"xn--bcher-kva.a.com", "DNS:xn--*.a.com", {}, false},
        {"a b.com", "DNS:a b.com", {}, false},
        {"b\xc3\xbc.com", "DNS:b\xc3\xbc.com", {}, false},
        {"8.8.8.8", "IP Address:8.8.8.8", {}, true},
        {"8.8.8.8", "IP Address:8.8.4.4", {}, false},
        {"8.8.8.8", "DNS:8.8.8.8", {"8.8.8.8"}, false},
        {"8.8.8.8", "URI:http://8.8.8.8/", {}, false},
        {"8.8.8.8", "DNS:*.8.8.8", {}, false},
        {"::1", "IP Address:0:0:0:0:0:0:0:1", {}, true},
        {"0:0:0:0:0:0:0:1", "IP Address:0:0:0:0:0:0:0:1", {}, true},
        {"FE80::A%eth0", "IP Address:FE80:0:0:0:0:0:0:A", {}, true},
        {"::ffff:127.0.0.1", "IP Address:0:0:0:0:0:FFFF:7F00:1", {}, true},
        {"a.com", "IP Address:8.8.8.8", {}, false},
        {std::string("8.8.8.8\0.evil", 13), "IP Address:8.8.8.8", {}, false},
    };
    for (const row& given : table)
        BOOST_TEST(reason(given.host, with(given.names, given.common)).empty() == given.matches,
                   given.host << " against " << given.names.value_or("no names"));
}

BOOST_AUTO_TEST_CASE(the_reason_says_what_was_compared,
                     *boost::unit_test::label("ERR-07 IDN-01 IDN-04 to IDN-07 B-037 B-039"))
{
    BOOST_TEST(reason("a.com.", with("DNS:b.com, IP Address:8.8.8.8")) ==
               "Host: a.com. is not in the cert's altnames: DNS:b.com, IP Address:8.8.8.8");
    BOOST_TEST(reason("a.com", with(std::nullopt, {"b.com"})) == "Host: a.com. is not cert's CN: b.com");
    BOOST_TEST(reason("a.com", with(std::nullopt)) == "Cert does not contain a DNS name");
    BOOST_TEST(reason("8.8.8.8", with("DNS:a.com")) == "IP: 8.8.8.8 is not in the cert's list: ");
    BOOST_TEST(reason("8.8.8.8", with("IP Address:8.8.4.4, IP Address:0:0:0:0:0:0:0:1")) ==
               "IP: 8.8.8.8 is not in the cert's list: 8.8.4.4, ::1");
    BOOST_TEST(tls::check_server_identity("a.com.", with("DNS:b.com"))->host == "a.com");
}

BOOST_AUTO_TEST_CASE(quoted_names_are_one_name_whatever_they_hold, *boost::unit_test::label("ERR-06 IDN-14 B-040"))
{
    const std::string quoted =
        R"(DNS:"good.example.org\u0000.evil.example.com", DNS:just-another.example.com, IP Address:8.8.8.8)";
    BOOST_TEST(reason("just-another.example.com", with(quoted)) == "");
    BOOST_TEST(reason("good.example.org", with(quoted)) != "");
    BOOST_TEST(reason("8.8.8.8", with(quoted)) == "");
    const std::string separator = R"(DNS:"a.com\u002c DNS:b.com", DNS:"c\"\\.com")";
    for (const char* host : {"a.com", "b.com", "c.com"})
        BOOST_TEST(reason(host, with(separator)) != "", host);
    BOOST_TEST(reason("b.com", with(R"(DNS:"b.com")")) == "");
    BOOST_TEST(reason("abc.com", with(R"(DNS:a"b"c.com)")) == "");
    for (const char* bad : {R"(DNS:"a.com)", R"(DNS:"a\x.com")", R"(DNS:"a\u12")", "DNS:\"a\n\"", R"(DNS:"a\)"})
        BOOST_CHECK_EXCEPTION(tls::check_server_identity("a.com", with(bad)), tls::error, [](const tls::error& failure) {
            return failure.code() == "ERR_TLS_CERT_ALTNAME_FORMAT";
        });
}

BOOST_AUTO_TEST_SUITE_END()
