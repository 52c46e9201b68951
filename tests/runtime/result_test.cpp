#include <coil/runtime/result.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <string_view>
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

BOOST_AUTO_TEST_CASE(is_recognised_as_a_result)
{
    BOOST_TEST(is_result<result<>>);
    BOOST_TEST(is_result<result<std::string>>);
    BOOST_TEST(!is_result<int>);
    static_assert(!std::is_convertible_v<result<int>, bool>, "a result is not silently a number");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
