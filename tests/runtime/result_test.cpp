#include <coil/runtime/result.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace {

using namespace coil;

result<int> half(int number)
{
    if (number % 2 != 0)
        return errc::bad_port;
    return number / 2;
}

BOOST_AUTO_TEST_SUITE(result_test)

BOOST_AUTO_TEST_CASE(holds_a_value_or_an_error)
{
    const result<int> value = half(4);
    BOOST_TEST(value.has_value());
    BOOST_TEST(*value == 2);
    BOOST_TEST(!value.error());

    const result<int> error = half(3);
    BOOST_TEST(!error);
    BOOST_TEST(error.error() == make_error_code(errc::bad_port));
}

BOOST_AUTO_TEST_CASE(a_zero_is_a_value)
{
    const result<int> zero = 0;
    BOOST_TEST(zero.has_value());
    const result<bool> no = false;
    BOOST_TEST(no.has_value());
    BOOST_TEST(!*no);
}

BOOST_AUTO_TEST_CASE(asking_for_a_value_that_is_not_there_throws_the_error_and_the_place)
{
    result<int> error = half(3);
    const int line = __LINE__ + 2;
    try {
        static_cast<void>(error.value());
        BOOST_FAIL("no exception");
    } catch (const result_error& thrown) {
        BOOST_TEST(thrown.code() == make_error_code(errc::bad_port));
        BOOST_TEST(static_cast<int>(thrown.where().line()) == line);
        BOOST_TEST(std::string_view(thrown.what()).find("result_test.cpp") != std::string_view::npos);
    }
    BOOST_CHECK_THROW(half(5).value(), std::system_error);
}

BOOST_AUTO_TEST_CASE(values_move_in_and_out)
{
    result<std::unique_ptr<int>> owner = std::make_unique<int>(7);
    BOOST_TEST(**owner == 7);
    const std::unique_ptr<int> taken = std::move(owner).value();
    BOOST_TEST(*taken == 7);
    BOOST_TEST(!*owner);
    result<std::unique_ptr<int>> other = std::make_unique<int>(8);
    owner = std::move(other);
    BOOST_TEST(*owner.value() == 8);
}

BOOST_AUTO_TEST_CASE(converts_what_a_value_can_be_made_of)
{
    result<std::string> text = "words";
    BOOST_TEST(text->size() == 5U);
    text = errc::reset;
    BOOST_TEST(text.error() == make_error_code(errc::reset));
    BOOST_TEST(std::move(text).value_or("nothing") == "nothing");
    BOOST_TEST(half(8).value_or(0) == 4);
}

BOOST_AUTO_TEST_CASE(without_a_type_it_is_success_or_an_error)
{
    const result<> success;
    BOOST_TEST(success.has_value());
    BOOST_CHECK_NO_THROW(success.value());
    const result<> failure = errc::canceled;
    BOOST_TEST(!failure);
    BOOST_CHECK_THROW(failure.value(), result_error);
    const result<> none = std::error_code();
    BOOST_TEST(none.has_value());
}

BOOST_AUTO_TEST_CASE(converts_where_the_value_does_without_loss)
{
    const result<int> four = 4;
    const result<long> same = four;
    BOOST_TEST(*same == 4);
    const result<long> failed = half(3);
    BOOST_TEST(failed.error() == make_error_code(errc::bad_port));
    result<std::string> text = result<const char*>("words");
    BOOST_TEST(*text == "words");
    const result<std::shared_ptr<const int>> shared = result<std::unique_ptr<int>>(std::make_unique<int>(7));
    BOOST_TEST(**shared == 7);
    const result<> success = four;
    BOOST_TEST(success.has_value());
    const result<> failure = half(3);
    BOOST_TEST(failure.error() == make_error_code(errc::bad_port));
}

BOOST_AUTO_TEST_CASE(does_not_convert_where_something_would_be_lost_or_made_up)
{
    BOOST_TEST((!std::is_convertible_v<result<long>, result<int>>));
    BOOST_TEST((!std::is_convertible_v<result<std::size_t>, result<bool>>));
    BOOST_TEST((!std::is_convertible_v<result<std::string>, result<bool>>));
    BOOST_TEST((!std::is_convertible_v<result<>, result<bool>>));
    BOOST_TEST((!std::is_convertible_v<result<>, result<int>>));
    BOOST_TEST((!std::is_convertible_v<result<int>, result<std::string>>));
}

BOOST_AUTO_TEST_CASE(is_no_larger_than_a_value_or_an_error)
{
    BOOST_TEST(sizeof(result<>) == sizeof(std::error_code));
    BOOST_TEST(sizeof(result<std::size_t>) == sizeof(std::error_code) + sizeof(void*));
}

std::shared_ptr<const error_info> refused()
{
    error_info info = describe_error(std::make_error_code(std::errc::connection_refused));
    info.syscall = "connect";
    info.message = "connect ECONNREFUSED 127.0.0.1:1";
    return std::make_shared<const error_info>(info);
}

BOOST_AUTO_TEST_CASE(a_detailed_one_throws_what_is_known_and_where)
{
    const detailed_result<> failed = refused();
    BOOST_TEST(!failed);
    BOOST_TEST(failed.info().syscall == "connect");
    const int line = __LINE__ + 2;
    try {
        failed.value();
        BOOST_FAIL("no exception");
    } catch (const network_error& thrown) {
        BOOST_TEST(thrown.what() == "connect ECONNREFUSED 127.0.0.1:1");
        BOOST_TEST(thrown.code() == failed.error());
        BOOST_TEST(error_name(thrown.code()) == thrown.info().code);
        BOOST_TEST(static_cast<int>(thrown.where().line()) == line);
    }
    BOOST_CHECK_THROW(detailed_result<int>(errc::reset).value(), result_error);
    BOOST_CHECK_THROW(detailed_result<int>(refused()).value(), std::system_error);
}

BOOST_AUTO_TEST_CASE(a_detailed_one_is_a_result)
{
    detailed_result<std::string> text = std::string("words");
    BOOST_TEST(text.value() == "words");
    BOOST_TEST(std::move(text).value() == "words");
    BOOST_TEST(text.info().code == "");
    const detailed_result<> success;
    BOOST_CHECK_NO_THROW(success.value());
    const detailed_result<int> failed = refused();
    const result<int> plain = failed;
    BOOST_TEST((plain.error() == std::errc::connection_refused));
    const result<> none = failed;
    BOOST_TEST((none.error() == std::errc::connection_refused));
    const detailed_result<> passed_on = failed.failure();
    BOOST_TEST(passed_on.info().message == "connect ECONNREFUSED 127.0.0.1:1");
    const detailed_result<> canceled = errc::canceled;
    BOOST_TEST(canceled.info().code == "ABORT_ERR");
    BOOST_TEST(canceled.failure()->code == "ABORT_ERR");
}

BOOST_AUTO_TEST_CASE(is_recognised_as_a_result)
{
    BOOST_TEST(is_result<result<>>);
    BOOST_TEST(is_result<result<std::string>>);
    BOOST_TEST(is_result<detailed_result<int>>);
    BOOST_TEST(!is_result<int>);
    static_assert(!std::is_convertible_v<result<int>, bool>, "a result is not silently a number");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
