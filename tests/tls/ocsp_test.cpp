// What is asked of a responder, and what is made of its answer, without any connection.
#include <coil/tls/ocsp.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/ocsp_responses.hpp"
#include "tests/support/thrown_code.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ocsp.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using boost::unit_test::label;
using test::certificate_of;
using test::ocsp_response;
using tls::ocsp_errc;
using tls::ocsp_finding;
using tls::ocsp_status;

namespace {

using bytes = std::vector<std::byte>;

const test::credentials& all()
{
    return test::shared_credentials();
}

/// What is found in a response about the shared server's certificate.
ocsp_finding judge(const bytes& response, const tls::ocsp_check_options& options = {})
{
    return tls::verify_ocsp(response, certificate_of(all().server.cert), certificate_of(all().root.certificate()),
                            options);
}

ocsp_finding judge_one(const test::ocsp_response_options& said, const tls::ocsp_check_options& options = {})
{
    return judge(ocsp_response(all().server, all().root, said), options);
}

std::string code_of(const ocsp_finding& found)
{
    return error_name(found.error);
}

bytes serial_of(const test::identity& who)
{
    const std::string hex = certificate_of(who.cert).serial_number;
    bytes serial;
    for (std::size_t at = 0; at < hex.size(); at += 2)
        serial.push_back(static_cast<std::byte>(std::stoi(hex.substr(at, 2), nullptr, 16)));
    return serial;
}

/// A response about another certificate, made into one about the shared server's without signing it anew.
bytes with_other_serial(bytes response)
{
    const bytes from = serial_of(all().server_a);
    const bytes to = serial_of(all().server);
    const auto at = std::search(response.begin(), response.end(), from.begin(), from.end());
    BOOST_TEST_REQUIRE((at != response.end()));
    std::copy(to.begin(), to.end(), at);
    return response;
}

test::identity responder_of(const test::authority& by, const std::string& usage)
{
    return by.issue({.alternative_names = "", .common_name = "responder", .extended_key_usage = usage});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ocsp_test)

BOOST_AUTO_TEST_CASE(a_certificate_and_its_issuer_tell_what_to_ask_whom, *label("OCSP-08 OCSP-11"))
{
    const test::identity named = all().root.issue(
        {.extensions = {{"authorityInfoAccess", "caIssuers;URI:http://no.test/,"
                                                "OCSP;URI:http://ocsp.test/a,OCSP;URI:http://b.test/"}}});
    const tls::certificate cert = certificate_of(named.cert);
    const tls::ocsp_query query = tls::ocsp_request(cert, certificate_of(all().root.certificate()));
    BOOST_TEST(query.url.value_or("") == "http://ocsp.test/a");

    const auto* at = reinterpret_cast<const unsigned char*>(query.request.data());
    const std::unique_ptr<OCSP_REQUEST, void (*)(OCSP_REQUEST*)> request(
        d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(query.request.size())), OCSP_REQUEST_free);
    BOOST_TEST_REQUIRE((request != nullptr));
    BOOST_TEST(OCSP_request_onereq_count(request.get()) == 1);
    OCSP_CERTID* const id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request.get(), 0));
    bytes of_id(static_cast<std::size_t>(i2d_OCSP_CERTID(id, nullptr)));
    auto* into = reinterpret_cast<unsigned char*>(of_id.data());
    i2d_OCSP_CERTID(id, &into);
    BOOST_TEST((of_id == query.certificate_id));
    ASN1_INTEGER* serial = nullptr;
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, id);
    const auto* const first = reinterpret_cast<const std::byte*>(ASN1_STRING_get0_data(serial));
    BOOST_TEST((bytes(first, first + ASN1_STRING_length(serial)) == serial_of(named)));
    BOOST_TEST(OCSP_REQUEST_get_ext_by_NID(request.get(), NID_id_pkix_OCSP_Nonce, -1) == -1);
}

BOOST_AUTO_TEST_CASE(the_issuer_s_responder_counts_where_the_certificate_names_none, *label("OCSP-11"))
{
    const auto below = all().root.issue_authority("below", {{"authorityInfoAccess", "OCSP;URI:http://up.test/"}});
    const test::identity leaf = below->issue({});
    BOOST_TEST(tls::ocsp_request(certificate_of(leaf.cert), certificate_of(below->certificate())).url.value_or("") ==
               "http://up.test/");
    BOOST_TEST(!tls::ocsp_request(certificate_of(all().server.cert), certificate_of(all().root.certificate())).url);
}

BOOST_AUTO_TEST_CASE(what_is_no_certificate_or_not_its_issuer_is_a_mistake, *label("OCSP-11"))
{
    const tls::certificate cert = certificate_of(all().server.cert);
    const tls::certificate root = certificate_of(all().root.certificate());
    const tls::certificate other = certificate_of(all().other_root.certificate());
    const auto code = [](const tls::certificate& one, const tls::certificate& issuer) {
        return test::thrown_code([&] { tls::ocsp_request(one, issuer); });
    };
    BOOST_TEST(code(cert, other) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(code({}, root) == "ERR_INVALID_ARG_VALUE");
    tls::certificate longer = cert;
    longer.raw.push_back(std::byte{0});
    BOOST_TEST(code(longer, root) == "ERR_INVALID_ARG_VALUE");
    BOOST_TEST(test::thrown_code([&] { tls::verify_ocsp({}, cert, {}); }) == "ERR_INVALID_ARG_VALUE");
    // What is stapled comes from a peer: there a wrong issuer is a finding.
    const bytes good = ocsp_response(all().server, all().root);
    BOOST_TEST(code_of(tls::verify_ocsp(good, cert, other)) == "ERR_OCSP_NO_ISSUER");
}

BOOST_AUTO_TEST_CASE(a_good_response_tells_its_times, *label("BYD-22"))
{
    for (const char* digest : {"SHA1", "SHA256"}) {
        const ocsp_finding found = judge_one({.digest = digest});
        BOOST_TEST(found.good(), code_of(found));
        BOOST_TEST((found.status == ocsp_status::good));
        BOOST_TEST_REQUIRE((found.this_update && found.next_update));
        BOOST_TEST((*found.next_update - *found.this_update == 61min));
        BOOST_TEST(!found.revoked_at);
        BOOST_TEST(!found.reason);
    }
}

BOOST_AUTO_TEST_CASE(a_revocation_tells_since_when_and_why, *label("BYD-22"))
{
    const ocsp_finding found = judge_one({.reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE, .status = ocsp_status::revoked});
    BOOST_TEST(code_of(found) == "ERR_OCSP_CERTIFICATE_REVOKED");
    BOOST_TEST((found.error == ocsp_errc::certificate_revoked));
    BOOST_TEST((found.status == ocsp_status::revoked));
    BOOST_TEST(found.reason.value_or("") == "keyCompromise");
    BOOST_TEST_REQUIRE(found.revoked_at.has_value());
    BOOST_TEST((*found.this_update - *found.revoked_at == 59min));
    // It stays revoked where the news is old, and no reason need be said.
    const ocsp_finding old = judge_one({.next_update = -2h, .status = ocsp_status::revoked, .this_update = -3h});
    BOOST_TEST(code_of(old) == "ERR_OCSP_CERTIFICATE_REVOKED");
    BOOST_TEST(!old.reason);
    const ocsp_finding unknown = judge_one({.status = ocsp_status::unknown});
    BOOST_TEST(code_of(unknown) == "ERR_OCSP_CERTIFICATE_UNKNOWN");
    BOOST_TEST((unknown.status == ocsp_status::unknown));
}

BOOST_AUTO_TEST_CASE(a_response_counts_in_its_time_only, *label("BYD-22"))
{
    const auto now = std::chrono::system_clock::now();
    BOOST_TEST(code_of(judge_one({.next_update = -10min, .this_update = -1h})) == "ERR_OCSP_RESPONSE_EXPIRED");
    BOOST_TEST(judge_one({.next_update = -2min, .this_update = -1h}).good());
    BOOST_TEST(judge_one({.next_update = -10min, .this_update = -1h}, {.tolerance = 20min}).good());
    BOOST_TEST(judge_one({.next_update = -10min, .this_update = -1h}, {.at = now - 30min}).good());
    BOOST_TEST(code_of(judge_one({.this_update = 10min})) == "ERR_OCSP_RESPONSE_NOT_YET_VALID");
    BOOST_TEST(judge_one({.this_update = 2min}).good());
    BOOST_TEST(code_of(judge_one({}, {.at = now - 1h})) == "ERR_OCSP_RESPONSE_NOT_YET_VALID");
    BOOST_TEST(code_of(judge_one({.this_update = -3h}, {.max_age = 2h})) == "ERR_OCSP_RESPONSE_TOO_OLD");
    BOOST_TEST(judge_one({.this_update = -3h}, {.max_age = std::chrono::seconds::max()}).good());
    BOOST_TEST(judge_one({.this_update = -48h}).good());
    // A time that stands for "never", as certificates without an end have it, is one like any other.
    BOOST_TEST(judge_one({.next_update = std::chrono::hours(24 * 365 * 7000)}).good());
    BOOST_TEST(judge_one({.next_update = std::nullopt}).good());
    BOOST_TEST(code_of(judge_one({.next_update = std::nullopt, .this_update = -25h})) == "ERR_OCSP_RESPONSE_TOO_OLD");
    BOOST_TEST(code_of(judge_one({.next_update = -2h, .this_update = -1h})) == "ERR_OCSP_MALFORMED_RESPONSE");
}

BOOST_AUTO_TEST_CASE(only_the_issuer_and_whom_it_certified_for_that_may_sign, *label("BYD-22"))
{
    const test::identity delegated = responder_of(all().root, "OCSPSigning");
    BOOST_TEST(judge_one({.signer = &delegated}).good());
    const test::identity other_use = responder_of(all().root, "serverAuth");
    BOOST_TEST(code_of(judge_one({.signer = &other_use})) == "ERR_OCSP_UNTRUSTED_SIGNER");
    const test::identity foreign = responder_of(all().other_root, "OCSPSigning");
    BOOST_TEST(code_of(judge_one({.signer = &foreign})) == "ERR_OCSP_UNTRUSTED_SIGNER");
    const test::identity other_root = all().other_root.itself();
    BOOST_TEST(code_of(judge_one({.signer = &other_root})) == "ERR_OCSP_UNTRUSTED_SIGNER");
    // One that an authority below the issuer certified is not certified by the issuer.
    const test::identity below = responder_of(*all().intermediate, "OCSPSigning");
    BOOST_TEST(code_of(judge_one({.signer = &below})) == "ERR_OCSP_UNTRUSTED_SIGNER");
    const test::identity expired = all().root.issue({.alternative_names = "",
                                                     .common_name = "responder",
                                                     .extended_key_usage = "OCSPSigning",
                                                     .valid_from_days = -10,
                                                     .valid_to_days = -1});
    BOOST_TEST(code_of(judge_one({.signer = &expired})) == "ERR_OCSP_UNTRUSTED_SIGNER");

    const bytes spoilt = with_other_serial(ocsp_response(all().server_a, all().root));
    BOOST_TEST(code_of(judge(spoilt)) == "ERR_OCSP_BAD_SIGNATURE");
    BOOST_TEST(!judge(spoilt).status);

    // The issuer may be an intermediate, whose root is of no interest here.
    const bytes of_below = ocsp_response(all().server_below, *all().intermediate);
    BOOST_TEST(tls::verify_ocsp(of_below, certificate_of(all().server_below.cert),
                                certificate_of(all().intermediate->certificate()))
                   .good());
}

BOOST_AUTO_TEST_CASE(a_response_must_be_about_the_certificate, *label("BYD-22"))
{
    BOOST_TEST(code_of(judge(ocsp_response(all().server_a, all().root))) == "ERR_OCSP_WRONG_CERTIFICATE");
    BOOST_TEST(!judge(ocsp_response(all().server_a, all().root)).status);
}

BOOST_AUTO_TEST_CASE(what_is_no_response_and_what_a_responder_refuses_is_told_apart, *label("BYD-22"))
{
    const std::pair<int, const char*> refusals[] = {
        {OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, "ERR_OCSP_MALFORMED_REQUEST"},
        {OCSP_RESPONSE_STATUS_INTERNALERROR, "ERR_OCSP_INTERNAL_ERROR"},
        {OCSP_RESPONSE_STATUS_TRYLATER, "ERR_OCSP_TRY_LATER"},
        {OCSP_RESPONSE_STATUS_SIGREQUIRED, "ERR_OCSP_SIG_REQUIRED"},
        {OCSP_RESPONSE_STATUS_UNAUTHORIZED, "ERR_OCSP_UNAUTHORIZED"},
        {OCSP_RESPONSE_STATUS_SUCCESSFUL, "ERR_OCSP_MALFORMED_RESPONSE"},  // without the rest
        {77, "ERR_OCSP_MALFORMED_RESPONSE"},
    };
    for (const auto& [status, code] : refusals) {
        const ocsp_finding found = judge(test::ocsp_refusal(status));
        BOOST_TEST(code_of(found) == code);
        BOOST_TEST(found.error.message() != "");
        BOOST_TEST(found.error.category().name() == std::string("ocsp"));
    }
    const bytes good = ocsp_response(all().server, all().root);
    for (std::size_t size = 0; size < good.size(); size += 31)
        BOOST_TEST(code_of(judge(bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)))) ==
                   "ERR_OCSP_MALFORMED_RESPONSE");
    bytes longer = good;
    longer.push_back(std::byte{0});
    BOOST_TEST(code_of(judge(longer)) == "ERR_OCSP_MALFORMED_RESPONSE");
    // What is changed may be something that nobody signed, but never what is said.
    const ocsp_finding said = judge(good);
    for (std::size_t at = 0; at < good.size(); at += 7) {
        bytes changed = good;
        changed[at] ^= std::byte{0x41};
        const ocsp_finding found = judge(changed);
        if (found.good())
            BOOST_TEST((found.this_update == said.this_update && found.next_update == said.next_update));
    }
}

BOOST_AUTO_TEST_CASE(each_finding_has_a_code_and_a_text_of_its_own)
{
    std::vector<std::string> codes;
    for (int value = 1; value <= static_cast<int>(ocsp_errc::certificate_unknown); ++value) {
        const std::error_code error = static_cast<ocsp_errc>(value);
        codes.push_back(error_name(error));
        BOOST_TEST(codes.back().starts_with("ERR_OCSP_"));
        BOOST_TEST(error.message() != "");
    }
    std::sort(codes.begin(), codes.end());
    BOOST_TEST((std::adjacent_find(codes.begin(), codes.end()) == codes.end()));
    BOOST_TEST(error_name(static_cast<ocsp_errc>(99)) == "UNKNOWN");
}

BOOST_AUTO_TEST_SUITE_END()
