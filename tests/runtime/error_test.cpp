#include <coil/runtime/error.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <ios>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace {

using namespace coil;

BOOST_AUTO_TEST_SUITE(error_test)

BOOST_AUTO_TEST_CASE(every_outcome_has_the_code_that_node_programs_compare_with)
{
    const std::array<std::pair<errc, const char*>, 13> codes{{
        {errc::end_of_stream, "EOF"},
        {errc::canceled, "ABORT_ERR"},
        {errc::timed_out, "ETIMEDOUT"},
        {errc::reset, "ECONNRESET"},
        {errc::already_in_progress, "EALREADY"},
        {errc::write_after_end, "ERR_STREAM_WRITE_AFTER_END"},
        {errc::destroyed, "ERR_STREAM_DESTROYED"},
        {errc::host_not_found, "ENOTFOUND"},
        {errc::lookup_failed, "EAI_AGAIN"},
        {errc::server_not_running, "ERR_SERVER_NOT_RUNNING"},
        {errc::already_listening, "ERR_SERVER_ALREADY_LISTEN"},
        {errc::bad_port, "ERR_SOCKET_BAD_PORT"},
        {errc::name_too_long, "ENAMETOOLONG"},
    }};
    std::set<std::string> messages;
    for (const auto& [value, code] : codes) {
        BOOST_TEST(error_name(value) == code);
        messages.insert(make_error_code(value).message());
    }
    BOOST_TEST(messages.size() == codes.size());
    BOOST_TEST(messages.count("unknown error") == 0U);
}

BOOST_AUTO_TEST_CASE(outcomes_convert_to_error_codes_of_one_category)
{
    const std::error_code error = errc::reset;
    BOOST_TEST(&error.category() == &coil_category());
    BOOST_TEST(error.category().name() == "coil");
    BOOST_TEST(error == make_error_code(errc::reset));
    BOOST_TEST(error != make_error_code(errc::end_of_stream));
}

BOOST_AUTO_TEST_CASE(outcomes_are_not_translated_into_those_of_the_system)
{
    BOOST_TEST((make_error_code(errc::timed_out) != std::error_code(ETIMEDOUT, std::system_category())));
    BOOST_TEST((make_error_code(errc::canceled) != std::error_code(ECANCELED, std::system_category())));
    BOOST_TEST(make_error_code(errc::canceled) != make_error_code(errc::timed_out));
}

BOOST_AUTO_TEST_CASE(outcomes_equal_what_the_standard_has_for_them)
{
    const std::array<std::pair<errc, std::errc>, 7> meanings{{
        {errc::canceled, std::errc::operation_canceled},
        {errc::timed_out, std::errc::timed_out},
        {errc::reset, std::errc::connection_reset},
        {errc::already_in_progress, std::errc::connection_already_in_progress},
        {errc::write_after_end, std::errc::broken_pipe},
        {errc::bad_port, std::errc::invalid_argument},
        {errc::name_too_long, std::errc::filename_too_long},
    }};
    for (const auto& [value, meaning] : meanings)
        BOOST_TEST((make_error_code(value) == meaning));
    BOOST_TEST((error_from_errno(ETIMEDOUT) == std::errc::timed_out));
    BOOST_TEST((make_error_code(errc::reset) != std::errc::timed_out));
    for (const errc own : {errc::end_of_stream, errc::destroyed, errc::host_not_found, errc::lookup_failed,
                           errc::server_not_running, errc::already_listening}) {
        BOOST_TEST((make_error_code(own).default_error_condition().category() == coil_category()));
        for (int number = 1; number < 134; ++number)
            BOOST_TEST((make_error_code(own) != static_cast<std::errc>(number)));
    }
}

BOOST_AUTO_TEST_CASE(a_code_is_described_by_its_name_its_message_and_the_system_s_number)
{
    const error_info reset = describe_error(errc::reset);
    BOOST_TEST(reset.error == make_error_code(errc::reset));
    BOOST_TEST(reset.code == "ECONNRESET");
    BOOST_TEST(reset.message == "connection reset by peer");
    BOOST_TEST(reset.system_number == ECONNRESET);
    BOOST_TEST(describe_error(error_from_errno(EPIPE)).system_number == EPIPE);
    BOOST_TEST(describe_error(errc::end_of_stream).system_number == 0);
    const error_info none = describe_error({});
    BOOST_TEST(!none.error);
    BOOST_TEST(none.code == "");
    BOOST_TEST(none.message == "");
}

BOOST_AUTO_TEST_CASE(cancellation_and_reset_have_one_code_whatever_the_cause)
{
    BOOST_TEST(error_from_errno(ECANCELED) == make_error_code(errc::canceled));
    BOOST_TEST(error_from_errno(ECONNRESET) == make_error_code(errc::reset));
    BOOST_TEST(!error_from_errno(0));
}

BOOST_AUTO_TEST_CASE(numbers_of_the_system_keep_their_names)
{
    BOOST_TEST(error_name(error_from_errno(EADDRINUSE)) == "EADDRINUSE");
    BOOST_TEST(error_name(error_from_errno(ECONNREFUSED)) == "ECONNREFUSED");
    BOOST_TEST(error_name(error_from_errno(EPIPE)) == "EPIPE");
    BOOST_TEST(error_name(std::make_error_code(std::errc::no_such_file_or_directory)) == "ENOENT");
    BOOST_TEST(error_from_errno(ETIMEDOUT) == std::error_code(ETIMEDOUT, std::system_category()));
}

BOOST_AUTO_TEST_CASE(success_has_no_name_and_the_unknown_is_called_unknown)
{
    BOOST_TEST(error_name({}).empty());
    BOOST_TEST(error_name(std::error_code(100000, std::system_category())) == "UNKNOWN");
    BOOST_TEST(error_name(std::error_code(1, std::iostream_category())) == "UNKNOWN");
    BOOST_TEST(error_name(std::error_code(999, coil_category())) == "UNKNOWN");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
