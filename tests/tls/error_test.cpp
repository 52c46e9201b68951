#include <coil/tls/error.hpp>

#include <coil/tls/internal/openssl.hpp>

#include <boost/test/unit_test.hpp>

using namespace coil;

BOOST_AUTO_TEST_SUITE(error_test)

BOOST_AUTO_TEST_CASE(own_outcomes_have_node_s_codes, *boost::unit_test::label("ERR-07 ERR-09 ERR-13 ERR-16 ERR-18"))
{
    const std::pair<tls::errc, std::string> table[] = {
        {tls::errc::truncated, "ERR_SSL_UNEXPECTED_EOF_WHILE_READING"},
        {tls::errc::handshake_interrupted, "ECONNRESET"},
        {tls::errc::handshake_timeout, "ERR_TLS_HANDSHAKE_TIMEOUT"},
        {tls::errc::cert_altname_invalid, "ERR_TLS_CERT_ALTNAME_INVALID"},
        {tls::errc::cert_altname_format, "ERR_TLS_CERT_ALTNAME_FORMAT"},
        {tls::errc::invalid_state, "ERR_TLS_INVALID_STATE"},
        {tls::errc::session_attack, "ERR_TLS_SESSION_ATTACK"},
        {tls::errc::renegotiation_disabled, "ERR_TLS_RENEGOTIATION_DISABLED"},
        {tls::errc::too_many_messages, "ERR_TLS_TOO_MANY_MESSAGES"},
        {tls::errc::handshake_refused, "ERR_TLS_HANDSHAKE_REFUSED"},
        {tls::errc::alpn_callback_invalid_result, "ERR_TLS_ALPN_CALLBACK_INVALID_RESULT"},
    };
    for (const auto& [value, code] : table) {
        const std::error_code error = value;
        BOOST_TEST(error_name(error) == code);
        BOOST_TEST(!error.message().empty());
        BOOST_TEST(error.category().name() == std::string("tls"));
    }
    BOOST_TEST((std::error_code(tls::errc::truncated) != errc::end_of_stream));
}

BOOST_AUTO_TEST_CASE(outcomes_equal_what_the_standard_has_for_them)
{
    const std::pair<tls::errc, std::errc> table[] = {
        {tls::errc::handshake_interrupted, std::errc::connection_reset},
        {tls::errc::handshake_timeout, std::errc::timed_out},
        {tls::errc::invalid_state, std::errc::not_connected},
        {tls::errc::session_attack, std::errc::protocol_error},
        {tls::errc::renegotiation_disabled, std::errc::protocol_error},
    };
    for (const auto& [value, meaning] : table)
        BOOST_TEST((std::error_code(value) == meaning));
    for (const tls::errc own : {tls::errc::truncated, tls::errc::cert_altname_invalid, tls::errc::cert_altname_format,
                                tls::errc::handler_failed})
        BOOST_TEST((std::error_code(own).default_error_condition().category() == tls::tls_category()));
}

BOOST_AUTO_TEST_CASE(codes_of_openssl_follow_node_s_rule, *boost::unit_test::label("ERR-02 to ERR-04"))
{
    const auto packed = [](int library, int reason) { return ERR_PACK(library, 0, reason); };
    using tls::internal::setup_error_code;
    BOOST_TEST(setup_error_code(packed(ERR_LIB_SSL, SSL_R_NO_CIPHER_MATCH)) == "ERR_SSL_NO_CIPHER_MATCH");
    BOOST_TEST(setup_error_code(packed(ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH)) ==
               "ERR_OSSL_X509_KEY_VALUES_MISMATCH");
    BOOST_TEST(setup_error_code(packed(ERR_LIB_PEM, 108)) == "ERR_OSSL_PEM_NO_START_LINE");
    BOOST_TEST(setup_error_code(packed(ERR_LIB_OSSL_DECODER, ERR_R_UNSUPPORTED)) == "ERR_OSSL_UNSUPPORTED");
    const std::pair<int, std::string> protocol[] = {
        {SSL_R_WRONG_VERSION_NUMBER, "ERR_SSL_WRONG_VERSION_NUMBER"},
        {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE"},
        {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION"},
        {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"},
        {4000, "ERR_SSL_UNKNOWN"},
    };
    for (const auto& [reason, code] : protocol) {
        const std::error_code error(static_cast<int>(packed(ERR_LIB_SSL, reason)), tls::openssl_category());
        BOOST_TEST(error_name(error) == code);
    }
}

BOOST_AUTO_TEST_CASE(verification_results_have_node_s_28_names, *boost::unit_test::label("ERR-34 to ERR-62"))
{
    const std::pair<long, std::string_view> table[] = {
        {2, "UNABLE_TO_GET_ISSUER_CERT"},
        {3, "UNABLE_TO_GET_CRL"},
        {4, "UNABLE_TO_DECRYPT_CERT_SIGNATURE"},
        {5, "UNABLE_TO_DECRYPT_CRL_SIGNATURE"},
        {6, "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY"},
        {7, "CERT_SIGNATURE_FAILURE"},
        {8, "CRL_SIGNATURE_FAILURE"},
        {9, "CERT_NOT_YET_VALID"},
        {10, "CERT_HAS_EXPIRED"},
        {11, "CRL_NOT_YET_VALID"},
        {12, "CRL_HAS_EXPIRED"},
        {13, "ERROR_IN_CERT_NOT_BEFORE_FIELD"},
        {14, "ERROR_IN_CERT_NOT_AFTER_FIELD"},
        {15, "ERROR_IN_CRL_LAST_UPDATE_FIELD"},
        {16, "ERROR_IN_CRL_NEXT_UPDATE_FIELD"},
        {17, "OUT_OF_MEM"},
        {18, "DEPTH_ZERO_SELF_SIGNED_CERT"},
        {19, "SELF_SIGNED_CERT_IN_CHAIN"},
        {20, "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"},
        {21, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"},
        {22, "CERT_CHAIN_TOO_LONG"},
        {23, "CERT_REVOKED"},
        {X509_V_ERR_INVALID_CA, "INVALID_CA"},
        {25, "PATH_LENGTH_EXCEEDED"},
        {26, "INVALID_PURPOSE"},
        {27, "CERT_UNTRUSTED"},
        {28, "CERT_REJECTED"},
        {62, "HOSTNAME_MISMATCH"},
    };
    for (const auto& [value, name] : table) {
        BOOST_TEST(tls::verify_error_name(value) == name);
        BOOST_TEST(error_name({static_cast<int>(value), tls::verify_category()}) == name);
    }
    BOOST_TEST(tls::verify_error_name(0) == "");
    BOOST_TEST(tls::verify_error_name(X509_V_ERR_UNSPECIFIED) == "UNSPECIFIED");
    BOOST_TEST(tls::verify_error_name(4711) == "UNSPECIFIED");
    BOOST_TEST((std::error_code{21, tls::verify_category()}.message()) == "unable to verify the first certificate");
}

BOOST_AUTO_TEST_CASE(every_verification_result_has_a_name, *boost::unit_test::label("F-67 BYD-31"))
{
    BOOST_TEST(tls::verify_error_name(X509_V_ERR_PERMITTED_VIOLATION) == "PERMITTED_VIOLATION");
    BOOST_TEST(tls::verify_error_name(X509_V_ERR_NO_ISSUER_PUBLIC_KEY) == "NO_ISSUER_PUBLIC_KEY");
    for (long value = 2; value <= X509_V_ERR_EC_KEY_EXPLICIT_PARAMS; ++value)
        BOOST_TEST(tls::verify_error_name(value) != "UNSPECIFIED", value);
}

BOOST_AUTO_TEST_CASE(alerts_have_node_s_codes_whatever_openssl_calls_them, *boost::unit_test::label("F-69 ERR-04"))
{
    // What OpenSSL 3.0, which Node 20 has, makes of the alerts.
    const std::pair<int, std::string_view> node_s[] = {
        {10, "SSLV3_ALERT_UNEXPECTED_MESSAGE"},
        {20, "SSLV3_ALERT_BAD_RECORD_MAC"},
        {21, "TLSV1_ALERT_DECRYPTION_FAILED"},
        {22, "TLSV1_ALERT_RECORD_OVERFLOW"},
        {30, "SSLV3_ALERT_DECOMPRESSION_FAILURE"},
        {40, "SSLV3_ALERT_HANDSHAKE_FAILURE"},
        {41, "SSLV3_ALERT_NO_CERTIFICATE"},
        {42, "SSLV3_ALERT_BAD_CERTIFICATE"},
        {43, "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"},
        {44, "SSLV3_ALERT_CERTIFICATE_REVOKED"},
        {45, "SSLV3_ALERT_CERTIFICATE_EXPIRED"},
        {46, "SSLV3_ALERT_CERTIFICATE_UNKNOWN"},
        {47, "SSLV3_ALERT_ILLEGAL_PARAMETER"},
        {48, "TLSV1_ALERT_UNKNOWN_CA"},
        {49, "TLSV1_ALERT_ACCESS_DENIED"},
        {50, "TLSV1_ALERT_DECODE_ERROR"},
        {51, "TLSV1_ALERT_DECRYPT_ERROR"},
        {60, "TLSV1_ALERT_EXPORT_RESTRICTION"},
        {70, "TLSV1_ALERT_PROTOCOL_VERSION"},
        {71, "TLSV1_ALERT_INSUFFICIENT_SECURITY"},
        {80, "TLSV1_ALERT_INTERNAL_ERROR"},
        {86, "TLSV1_ALERT_INAPPROPRIATE_FALLBACK"},
        {90, "TLSV1_ALERT_USER_CANCELLED"},
        {100, "TLSV1_ALERT_NO_RENEGOTIATION"},
        {109, "TLSV13_ALERT_MISSING_EXTENSION"},
        {110, "TLSV1_UNSUPPORTED_EXTENSION"},
        {111, "TLSV1_CERTIFICATE_UNOBTAINABLE"},
        {112, "TLSV1_UNRECOGNIZED_NAME"},
        {113, "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE"},
        {114, "TLSV1_BAD_CERTIFICATE_HASH_VALUE"},
        {115, "TLSV1_ALERT_UNKNOWN_PSK_IDENTITY"},
        {116, "TLSV13_ALERT_CERTIFICATE_REQUIRED"},
        {120, "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"},
    };
    // A program that gives the library other texts, as OpenSSL 3.6 has them, gets the same codes.
    constexpr auto failure = ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + SSL_AD_HANDSHAKE_FAILURE);
    static ERR_STRING_DATA other[] = {{failure, "SSL/TLS alert handshake failure"}, {0, nullptr}};
    static ERR_STRING_DATA original[] = {{failure, "sslv3 alert handshake failure"}, {0, nullptr}};
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr);
    for (const bool renamed : {false, true}) {
        if (renamed)
            ERR_load_strings(0, other);
        for (const auto& [alert, name] : node_s) {
            const auto packed = ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + alert);
            BOOST_TEST(tls::internal::protocol_error_code(packed) == "ERR_SSL_" + std::string(name));
            BOOST_TEST(tls::internal::setup_error_code(packed) == "ERR_SSL_" + std::string(name));
            if (!renamed && OPENSSL_version_major() == 3 && OPENSSL_version_minor() == 0)
                BOOST_TEST(std::string_view(ERR_reason_error_string(packed)).size() == name.size());
        }
    }
    BOOST_TEST(tls::internal::protocol_error_code(ERR_PACK(ERR_LIB_EVP, 0, 1040)).find("SSLV3") == std::string::npos);
    ERR_load_strings(0, original);
}

BOOST_AUTO_TEST_CASE(a_set_up_error_carries_the_whole_queue_oldest_first_and_leaves_none,
                     *boost::unit_test::label("ERR-01 ERR-03 GEN-12"))
{
    ERR_clear_error();
    ERR_raise(ERR_LIB_PEM, 108);
    ERR_raise_data(ERR_LIB_SSL, SSL_R_NO_CIPHER_MATCH, "more");
    const tls::error failure = tls::internal::setup_error("cert (a.pem)");
    BOOST_TEST(failure.code() == "ERR_OSSL_PEM_NO_START_LINE");
    BOOST_TEST(failure.what() == std::string("cert (a.pem): no start line"));
    BOOST_TEST_REQUIRE(failure.info().openssl_error_stack.size() == 2u);
    BOOST_TEST(failure.info().openssl_error_stack[1].code == "ERR_SSL_NO_CIPHER_MATCH");
    BOOST_TEST(failure.info().openssl_error_stack[1].data == "more");
    BOOST_TEST(failure.info().library == "PEM routines");
    BOOST_TEST(ERR_peek_error() == 0u);
    BOOST_TEST(tls::internal::setup_error("x", "ERR_CRYPTO_OPERATION_FAILED").code() == "ERR_CRYPTO_OPERATION_FAILED");
}

BOOST_AUTO_TEST_CASE(an_error_can_be_made_by_a_program_and_copied)
{
    const tls::error failure("ERR_MINE", "mine");
    const tls::error copy = failure;
    BOOST_TEST(copy.code() == "ERR_MINE");
    BOOST_TEST(copy.what() == std::string("mine"));
    BOOST_TEST((&copy.info() == &failure.info()));
}

BOOST_AUTO_TEST_SUITE_END()
