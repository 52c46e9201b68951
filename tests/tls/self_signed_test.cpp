#include <coil/tls/self_signed.hpp>

#include <coil/tls/engine.hpp>
#include <coil/tls/internal/certificate_reader.hpp>
#include <coil/tls/internal/openssl.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/pem.h>

using namespace coil;

namespace {

tls::certificate read(const std::string& pem)
{
    const tls::internal::x509_ptr cert(
        PEM_read_bio_X509(tls::internal::read_only_bio(pem).get(), nullptr, nullptr, nullptr));
    return tls::internal::read_certificate(cert.get());
}

std::string code_of(const std::vector<std::string>& names)
{
    try {
        static_cast<void>(tls::create_self_signed(names));
    } catch (const tls::error& error) {
        return error.code();
    }
    return "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(self_signed_test)

BOOST_AUTO_TEST_CASE(it_covers_the_names_and_addresses_it_was_made_for)
{
    const tls::certificate cert = read(tls::create_self_signed({"localhost", "127.0.0.1", "::1%nosuchzone"}).cert);
    BOOST_TEST(cert.subject->get("CN").value() == "localhost");
    BOOST_TEST(cert.self_issued);
    BOOST_TEST(cert.subjectaltname.value() == "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
    BOOST_TEST(cert.nist_curve.value() == "P-256");
}

BOOST_AUTO_TEST_CASE(each_one_has_a_key_and_a_number_of_its_own)
{
    const tls::self_signed_certificate one = tls::create_self_signed({"localhost"});
    const tls::self_signed_certificate other = tls::create_self_signed({"localhost"});
    BOOST_TEST(one.key != other.key);
    BOOST_TEST(read(one.cert).serial_number != read(other.cert).serial_number);
}

BOOST_AUTO_TEST_CASE(a_name_longer_than_a_common_name_may_be_is_covered_all_the_same)
{
    const std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".example.com";
    const tls::certificate cert = read(tls::create_self_signed({name}).cert);
    BOOST_TEST(cert.subjectaltname.value() == "DNS:" + name);
    BOOST_TEST(cert.subject->get("CN").value().size() == 64u);
}

BOOST_AUTO_TEST_CASE(a_server_with_it_is_trusted_by_a_client_that_was_told_to_and_by_no_other)
{
    const tls::self_signed_certificate own = tls::create_self_signed({"localhost"});
    const tls::secure_context server_context = tls::create_secure_context({.cert = own.cert, .key = tls::pem(own.key)});
    for (const bool told : {true, false}) {
        tls::secure_context_options trust;
        if (told)
            trust.ca = own.cert;
        tls::engine client(tls::create_secure_context(trust), tls::role::client, {.host = "localhost"});
        tls::engine server(server_context, tls::role::server, tls::engine_options());
        for (int step = 0; step < 10; ++step) {
            static_cast<void>(client.handshake());
            server.feed(client.output());
            client.consume_output(client.output().size());
            static_cast<void>(server.handshake());
            client.feed(server.output());
            server.consume_output(server.output().size());
        }
        BOOST_TEST(client.handshake_done() == told);
        BOOST_TEST(client.error_info().code == (told ? "" : "DEPTH_ZERO_SELF_SIGNED_CERT"));
    }
}

BOOST_AUTO_TEST_CASE(names_that_no_certificate_can_hold_are_refused)
{
    BOOST_TEST(code_of({}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code_of({""}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code_of({"a b"}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code_of({std::string("a\0b", 3)}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code_of({std::string(254, 'a')}) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code_of({"localhost"}) == "");
}

BOOST_AUTO_TEST_SUITE_END()
