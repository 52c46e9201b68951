#include <coil/runtime/handler.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

using namespace coil;

namespace {

using asked = handler<std::optional<int>(std::string, int)>;

template <class R>
R answer_of(task<R> asking)
{
    loop here;
    return here.run(std::move(asking));
}

static_assert(std::is_constructible_v<asked, int (*)()>);
static_assert(!std::is_constructible_v<asked, std::string (*)()>, "gives something else");
static_assert(!std::is_constructible_v<asked, int (*)(int)>, "takes something else");
static_assert(!std::is_constructible_v<asked, task<> (*)()>, "gives nothing");
static_assert(std::is_constructible_v<handler<void()>, task<> (*)()>);
static_assert(!std::is_constructible_v<handler<void()>, task<int> (*)()>);

}  // namespace

BOOST_AUTO_TEST_SUITE(handler_test)

BOOST_AUTO_TEST_CASE(an_empty_one_is_false)
{
    BOOST_TEST(!asked());
    BOOST_TEST(!asked(nullptr));
    BOOST_TEST(!asked(static_cast<int (*)()>(nullptr)));
    BOOST_TEST(!asked(std::function<int()>()));
    BOOST_TEST(static_cast<bool>(asked(std::function<int()>([] { return 1; }))));
    BOOST_TEST(!asked(handler<std::optional<int>()>()));
}

BOOST_AUTO_TEST_CASE(a_function_and_a_coroutine_answer_alike)
{
    const asked plain = [](std::string text, int factor) { return static_cast<int>(text.size()) * factor; };
    BOOST_TEST(!plain.waits());
    BOOST_TEST(plain.call("four", 2).value() == 8);
    BOOST_TEST(answer_of(plain("four", 2)).value() == 8);
    BOOST_TEST(answer_of(plain.start("four", 2)).value() == 8);
    const asked slow = [](std::string text, int factor) -> task<std::optional<int>> {
        co_await this_task::yield();
        co_return static_cast<int>(text.size()) * factor;
    };
    BOOST_TEST(slow.waits());
    BOOST_TEST(answer_of(slow("four", 2)).value() == 8);
    BOOST_TEST(answer_of(slow.start("four", 2)).value() == 8);
}

BOOST_AUTO_TEST_CASE(the_last_parameters_may_be_left_out)
{
    const asked first = [](const std::string& text) { return static_cast<int>(text.size()); };
    BOOST_TEST(answer_of(first("four", 2)).value() == 4);
    const asked none = [] { return std::optional<int>(); };
    BOOST_TEST(!answer_of(none("four", 2)).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_given_is_converted)
{
    const asked number = []() -> task<int> { co_return 3; };
    BOOST_TEST(answer_of(number("", 0)).value() == 3);
    BOOST_TEST(answer_of(number.start("", 0)).value() == 3);
}

BOOST_AUTO_TEST_CASE(a_handler_may_own_what_cannot_be_copied_and_copies_share_it)
{
    asked counting = [count = std::make_unique<int>(0)] { return ++*count; };
    const asked copy = counting;
    BOOST_TEST(counting.call("", 0).value() == 1);
    BOOST_TEST(copy.call("", 0).value() == 2);
}

BOOST_AUTO_TEST_CASE(captures_and_arguments_outlive_a_suspension_and_the_handler)
{
    const auto alive = std::make_shared<int>(5);
    std::optional<asked> gone = [alive](const std::string& text, int) -> task<std::optional<int>> {
        co_await this_task::yield();
        co_return *alive + static_cast<int>(text.size());
    };
    task<std::optional<int>> asking = (*gone)(std::string(100, 'x'), 0);
    gone.reset();
    BOOST_TEST(alive.use_count() == 2);
    BOOST_TEST(answer_of(std::move(asking)).value() == 105);
    BOOST_TEST(alive.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(a_function_is_called_when_its_task_is_awaited_and_throws_there)
{
    int calls = 0;
    const handler<void(int)> throwing = [&](int) {
        ++calls;
        throw std::runtime_error("no");
    };
    task<> asking = throwing(1);
    BOOST_TEST(calls == 0);
    BOOST_CHECK_THROW(answer_of(std::move(asking)), std::runtime_error);
    BOOST_TEST(calls == 1);
    BOOST_CHECK_THROW(throwing.call(1), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(an_argument_that_cannot_be_copied_is_moved_through)
{
    const handler<void(std::unique_ptr<int>)> taking = [](std::unique_ptr<int> number) -> task<> {
        co_await this_task::yield();
        BOOST_TEST(*number == 9);
    };
    answer_of(taking(std::make_unique<int>(9)));
    answer_of(taking.start(std::make_unique<int>(9)));
}

BOOST_AUTO_TEST_SUITE_END()
