#include <coil/tls/signature.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace coil;
using tls::signature_scheme;

namespace {

std::string hexadecimal(const std::vector<std::byte>& bytes)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const std::byte each : bytes) {
        text += digits[static_cast<unsigned>(each) >> 4];
        text += digits[static_cast<unsigned>(each) & 15];
    }
    return text;
}

tls::signature_request request(signature_scheme scheme)
{
    const std::span<const char> text("abc", 3);
    tls::signature_request made;
    made.message.assign(std::as_bytes(text).begin(), std::as_bytes(text).end());
    made.scheme = scheme;
    return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(signature_test)

BOOST_AUTO_TEST_CASE(what_wants_digests_gets_that_of_the_scheme)
{
    const std::string sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const std::pair<signature_scheme, std::string> rows[] = {
        {signature_scheme::rsa_pkcs1_sha256, sha256},
        {signature_scheme::ecdsa_sha256, sha256},
        {signature_scheme::rsa_pss_rsae_sha256, sha256},
        {signature_scheme::rsa_pss_pss_sha256, sha256},
        {signature_scheme::rsa_pkcs1_sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {signature_scheme::rsa_pkcs1_md5_sha1,
         "900150983cd24fb0d6963f7d28e17f72a9993e364706816aba3e25717850c26c9cd0d89d"},
        {signature_scheme::ed25519, "616263"},
        {signature_scheme::ed448, "616263"},
    };
    for (const auto& [scheme, digest] : rows)
        BOOST_TEST(hexadecimal(request(scheme).digest()) == digest);
    BOOST_TEST(request(signature_scheme::ecdsa_sha384).digest().size() == 48u);
    BOOST_TEST(request(signature_scheme::rsa_pss_rsae_sha512).digest().size() == 64u);
}

BOOST_AUTO_TEST_SUITE_END()
