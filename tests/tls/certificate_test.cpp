#include <coil/tls/certificate.hpp>

#include <coil/tls/engine.hpp>
#include <coil/tls/internal/certificate_reader.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/pem.h>

#include <regex>

using namespace coil;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

tls::certificate read(const std::string& pem)
{
    const tls::internal::x509_ptr cert(
        PEM_read_bio_X509(tls::internal::read_only_bio(pem).get(), nullptr, nullptr, nullptr));
    return tls::internal::read_certificate(cert.get());
}

tls::certificate issued(const test::certificate_options& options)
{
    return read(all().root.issue(options).cert);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(certificate_test)

BOOST_AUTO_TEST_CASE(an_rsa_certificate_has_node_s_fields,
                     *boost::unit_test::label("CERT-01 to CERT-08 CERT-18 to CERT-21 B-041"))
{
    const tls::certificate cert = read(all().server_rsa.cert);
    BOOST_TEST(!cert.ca);
    BOOST_TEST(cert.subject->get("CN").value() == "localhost");
    BOOST_TEST(cert.issuer->get("CN").value() == "coil test root");
    BOOST_TEST(!cert.self_issued);
    BOOST_TEST(cert.bits.value() == 2048);
    BOOST_TEST(cert.exponent.value() == "0x10001");
    BOOST_TEST(std::regex_match(*cert.modulus, std::regex("[0-9A-F]{512}")));
    BOOST_TEST(cert.pubkey->size() == 294u);
    BOOST_TEST(!cert.asn1_curve);
    BOOST_TEST(std::regex_match(cert.serial_number, std::regex("[0-9A-F]{16}")));
    BOOST_TEST(std::regex_match(cert.fingerprint, std::regex("([0-9A-F]{2}:){19}[0-9A-F]{2}")));
    BOOST_TEST(cert.fingerprint256.size() == 95u);
    BOOST_TEST(cert.fingerprint512.size() == 191u);
    const std::regex time("[A-Z][a-z]{2} [ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4} GMT");
    BOOST_TEST(std::regex_match(cert.valid_from, time));
    BOOST_TEST(std::regex_match(cert.valid_to, time));
    BOOST_TEST((cert.ext_key_usage.value() == std::vector<std::string>{"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"}));
    BOOST_TEST(static_cast<int>(cert.raw.front()) == 0x30);
    BOOST_TEST(!cert.info_access);
    BOOST_TEST(!cert.issuer_certificate);
}

BOOST_AUTO_TEST_CASE(an_ec_certificate_has_curve_and_point, *boost::unit_test::label("CERT-22 to CERT-24"))
{
    const tls::certificate cert = read(all().server.cert);
    BOOST_TEST(cert.bits.value() == 256);
    BOOST_TEST(cert.asn1_curve.value() == "prime256v1");
    BOOST_TEST(cert.nist_curve.value() == "P-256");
    BOOST_TEST(cert.pubkey->size() == 65u);
    BOOST_TEST(static_cast<int>(cert.pubkey->front()) == 4);
    BOOST_TEST(!cert.modulus);
    BOOST_TEST(!cert.exponent);
}

BOOST_AUTO_TEST_CASE(an_authority_says_so_and_knows_that_it_issued_itself,
                     *boost::unit_test::label("CERT-01 CERT-02 CERT-17"))
{
    const tls::certificate root = read(all().root.certificate());
    BOOST_TEST(root.ca);
    BOOST_TEST(root.self_issued);
    BOOST_TEST(!root.subjectaltname);
    BOOST_TEST(!root.ext_key_usage);
}

BOOST_AUTO_TEST_CASE(attributes_keep_their_order_their_repetitions_and_their_letters,
                     *boost::unit_test::label("CERT-04 B-042"))
{
    const std::string name = "\xc3\x81" "d\xc3\xa1m Lippai";
    const tls::certificate cert = issued(
        {.common_name = name, .subject = {{"C", "HU"}, {"OU", "Test TLS Certificate"}, {"OU", "Engineering"}}});
    const auto& entries = cert.subject->entries();
    BOOST_TEST_REQUIRE(entries.size() == 4u);
    BOOST_TEST(entries[0].first == "C");
    BOOST_TEST((cert.subject->all("OU") == std::vector<std::string_view>{"Test TLS Certificate", "Engineering"}));
    BOOST_TEST(cert.subject->get("CN").value() == name);
    BOOST_TEST(!cert.subject->get("ST"));
    BOOST_TEST(cert.subject->text() == "C=HU, OU=Test TLS Certificate, OU=Engineering, CN=" + name);
}

BOOST_AUTO_TEST_CASE(alternative_names_have_prefixes_for_every_kind,
                     *boost::unit_test::label("CERT-09 to CERT-11 CERT-14"))
{
    const std::pair<std::string, std::string> table[] = {
        {"DNS:a.com,DNS:*.b.com", "DNS:a.com, DNS:*.b.com"},
        {"email:x@a.com", "email:x@a.com"},
        {"URI:http://a.com/b?c", "URI:http://a.com/b?c"},
        {"IP:8.8.8.8,IP:::1", "IP Address:8.8.8.8, IP Address:0:0:0:0:0:0:0:1"},
        {"IP:fe80::abcd", "IP Address:FE80:0:0:0:0:0:0:ABCD"},
        {"RID:1.2.3.4", "Registered ID:1.2.3.4"},
        {"otherName:1.2.3.4;UTF8:unknown", "othername:<unsupported>"},
        {"otherName:1.3.6.1.5.5.7.8.9;UTF8:u@a.com", "othername:SmtpUTF8Mailbox:u@a.com"},
        {"otherName:1.3.6.1.5.5.7.8.5;UTF8:u@a.com", "othername:XmppAddr:u@a.com"},
        {"otherName:1.3.6.1.5.5.7.8.7;IA5:_mail.a.com", "othername:SRVName:_mail.a.com"},
        {"otherName:1.3.6.1.5.5.7.8.7;UTF8:_mail.a.com", "othername:<unsupported>"},
        {"otherName:1.3.6.1.4.1.311.20.2.3;UTF8:it's", "othername:\"UPN:it's\""},
    };
    for (const auto& [given, text] : table)
        BOOST_TEST(issued({.alternative_names = given}).subjectaltname.value() == text);
}

BOOST_AUTO_TEST_CASE(names_that_could_be_misread_are_quoted, *boost::unit_test::label("CERT-12 B-040"))
{
    const std::pair<std::string, std::string> table[] = {
        {std::string("good.example.org\0.evil.example.com", 34), R"(DNS:"good.example.org\u0000.evil.example.com")"},
        {"a.com, DNS:b.com", R"(DNS:"a.com\u002c DNS:b.com")"},
        {"a\"b", R"(DNS:"a\"b")"},
        {"a\\b", R"(DNS:"a\\b")"},
        {"a'b", R"(DNS:"a'b")"},
        {"a\nb\x7f", R"(DNS:"a\u000ab\u007f")"},
        {"b\xfc" "cher", R"(DNS:"b\u00fccher")"},
        {"a b", "DNS:a b"},
    };
    for (const auto& [name, text] : table)
        BOOST_TEST(issued({.dns_names = {name}}).subjectaltname.value() == text);
}

BOOST_AUTO_TEST_CASE(access_information_maps_methods_to_locations_in_order, *boost::unit_test::label("CERT-15"))
{
    const tls::certificate cert = issued(
        {.extensions = {{"authorityInfoAccess",
                         "OCSP;URI:http://ocsp.a.com/1,caIssuers;URI:http://a.com/ca,OCSP;URI:http://ocsp.a.com/2"}}});
    BOOST_TEST_REQUIRE(cert.info_access.has_value());
    BOOST_TEST_REQUIRE(cert.info_access->size() == 2u);
    BOOST_TEST((*cert.info_access)[0].first == "OCSP - URI");
    BOOST_TEST(((*cert.info_access)[0].second ==
                std::vector<std::string>{"http://ocsp.a.com/1", "http://ocsp.a.com/2"}));
    BOOST_TEST((*cert.info_access)[1].first == "CA Issuers - URI");
}

BOOST_AUTO_TEST_CASE(a_detailed_peer_certificate_leads_to_the_root,
                     *boost::unit_test::label("CERT-16 CERT-17 SOCK-23 B-043"))
{
    test::engine_pair pair(tls::create_secure_context({.ca = all().root.certificate()}), {},
                           tls::create_secure_context({.cert = all().server_below.cert, .key = all().server_below.key}),
                           {});
    BOOST_TEST_REQUIRE(pair.handshake());
    BOOST_TEST(!pair.client.engine.get_peer_certificate()->issuer_certificate);
    const tls::certificate cert = pair.client.engine.get_peer_certificate(true).value();
    BOOST_TEST(cert.subject->get("CN").value() == "localhost");
    BOOST_TEST_REQUIRE((cert.issuer_certificate != nullptr));
    const tls::certificate& below = *cert.issuer_certificate;
    BOOST_TEST(below.subject->get("CN").value() == "coil test intermediate");
    BOOST_TEST_REQUIRE((below.issuer_certificate != nullptr));
    BOOST_TEST(below.issuer_certificate->subject->get("CN").value() == "coil test root");
    BOOST_TEST(below.issuer_certificate->self_issued);
    BOOST_TEST(!below.issuer_certificate->issuer_certificate);
    // Asking again gives the same.
    BOOST_TEST((pair.client.engine.get_peer_certificate(true)->issuer_certificate != nullptr));
}

BOOST_AUTO_TEST_SUITE_END()
