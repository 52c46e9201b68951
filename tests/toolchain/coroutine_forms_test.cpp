// The forms of coroutine code that coil relies on, each run by the compiler at hand: nothing is destroyed twice, nothing
// stays behind, and what comes after the suspension is reached. g++ 12 compiles other forms wrongly; those are kept out of
// the sources by the house rules.

#include "tests/toolchain/by_hand.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace by_hand;
using coil::task;

BOOST_AUTO_TEST_SUITE(coroutine_forms)

BOOST_AUTO_TEST_CASE(a_named_aggregate_moved_into_a_coroutine_is_destroyed_once)
{
    const balance at_zero;
    int number = 0;
    constexpr auto body = [](int& out) -> task<> {
        options given{.number = 1, .first = counted(2)};
        out = co_await number_of(std::move(given));
    };
    BOOST_TEST(runs_to_its_end(body(number)));
    BOOST_TEST(number == 3);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(an_aggregate_returned_by_a_function_may_stand_in_the_await_expression)
{
    const balance at_zero;
    int number = 0;
    constexpr auto body = [](int& out) -> task<> {
        constexpr auto make = [] { return options{.number = 1, .first = counted(2)}; };
        out = co_await number_of(make());
    };
    BOOST_TEST(runs_to_its_end(body(number)));
    BOOST_TEST(number == 3);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_temporary_with_a_constructor_may_stand_in_the_await_expression)
{
    const balance at_zero;
    constexpr auto take = [](counted given) -> task<int> {
        co_await suspension();
        co_return given.number();
    };
    int number = 0;
    constexpr auto body = [](int& out, auto f) -> task<> { out = co_await f(counted(4)); };
    BOOST_TEST(runs_to_its_end(body(number, take)));
    BOOST_TEST(number == 4);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_named_lambda_with_a_copied_capture_is_destroyed_once)
{
    const balance at_zero;
    int number = 0;
    constexpr auto body = [](int& out) -> task<> {
        const counted captured(5);
        auto callable = [captured] { return captured.number(); };
        out = co_await call_after_a_while(std::move(callable));
    };
    BOOST_TEST(runs_to_its_end(body(number)));
    BOOST_TEST(number == 5);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_lambda_that_captures_by_reference_may_stand_in_the_await_expression)
{
    const balance at_zero;
    int number = 0;
    constexpr auto body = [](int& out) -> task<> {
        const counted captured(6);
        out = co_await call_after_a_while([&captured] { return captured.number(); });
    };
    BOOST_TEST(runs_to_its_end(body(number)));
    BOOST_TEST(number == 6);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_lambda_coroutine_that_outlives_its_task_keeps_its_captures)
{
    const balance at_zero;
    int number = 0;
    constexpr auto body = [](int& out) -> task<> {
        const counted captured(7);
        const auto coroutine = [captured]() -> task<int> {
            co_await suspension();
            co_return captured.number();
        };
        out = co_await coroutine();
    };
    BOOST_TEST(runs_to_its_end(body(number)));
    BOOST_TEST(number == 7);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(pointers_strings_and_vectors_move_into_a_coroutine)
{
    constexpr auto take = [](std::unique_ptr<int> a, std::shared_ptr<int> b, std::string c,
                             std::vector<std::string> d) -> task<std::size_t> {
        co_await suspension();
        co_return static_cast<std::size_t>(*a + *b) + c.size() + d.size();
    };
    std::size_t sum = 0;
    constexpr auto body = [](std::size_t& out, auto f) -> task<> {
        std::vector<std::string> list(3, std::string(100, 'x'));
        out = co_await f(std::make_unique<int>(1), std::make_shared<int>(2), std::string(100, 'y'), std::move(list));
    };
    BOOST_TEST(runs_to_its_end(body(sum, take)));
    BOOST_TEST(sum == 106u);
}

BOOST_AUTO_TEST_CASE(parameters_of_a_coroutine_that_is_destroyed_while_it_waits_are_destroyed_once)
{
    const balance at_zero;
    constexpr auto wait_for_ever = [](counted, options) -> task<> { co_await std::suspend_always(); };
    BOOST_TEST(!runs_to_its_end(wait_for_ever(counted(1), options())));
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(an_awaitable_with_a_constructor_is_destroyed_once)
{
    class awaitable : public suspension {
    public:
        explicit awaitable(int number) : held_(number) {}
        int await_resume() const noexcept { return held_.number(); }

    private:
        counted held_;
    };
    const balance at_zero;
    int number = 0;
    constexpr auto body = [](int& out) -> task<> { out = co_await awaitable(8); };
    BOOST_TEST(runs_to_its_end(body(number)));
    BOOST_TEST(number == 8);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_condition_that_awaits_continues_after_a_local)
{
    std::string path;
    constexpr auto body = [](std::string& out) -> task<> {
        int rounds = 0;
        if (co_await number_after_a_while(1))
            out += "if ";
        while (co_await number_after_a_while(rounds < 2))
            ++rounds;
        for (; co_await number_after_a_while(rounds < 4);)
            ++rounds;
        switch (co_await number_after_a_while(rounds)) {
        case 4: out += "switch "; break;
        default: out += "wrong ";
        }
        out += "end";
    };
    BOOST_TEST(runs_to_its_end(body(path)));
    BOOST_TEST(path == "if switch end");
}

BOOST_AUTO_TEST_CASE(a_coroutine_may_begin_with_an_if_that_has_an_initialiser)
{
    std::string path;
    constexpr auto body = [](std::string& out) -> task<> {
        if (const int number = co_await number_after_a_while(1); number != 0)
            out += "if ";
        out += "end";
    };
    BOOST_TEST(runs_to_its_end(body(path)));
    BOOST_TEST(path == "if end");
}

BOOST_AUTO_TEST_CASE(a_loop_whose_condition_declares_the_awaited_value_ends_with_it)
{
    int sum = 0;
    constexpr auto body = [](int& out) -> task<> {
        int left = 4;
        while (const int number = co_await number_after_a_while(left)) {
            out += number;
            if (!co_await number_after_a_while(--left))
                co_return;
        }
    };
    BOOST_TEST(runs_to_its_end(body(sum)));
    BOOST_TEST(sum == 10);
}

BOOST_AUTO_TEST_CASE(operators_that_cut_short_await_only_what_they_need)
{
    bool both = true;
    bool either = false;
    constexpr auto body = [](bool& a, bool& b) -> task<> {
        a = co_await number_after_a_while(0) && co_await number_after_a_while(1);
        b = co_await number_after_a_while(0) || co_await number_after_a_while(1);
    };
    BOOST_TEST(runs_to_its_end(body(both, either)));
    BOOST_TEST(!both);
    BOOST_TEST(either);
}

BOOST_AUTO_TEST_CASE(an_awaited_aggregate_may_be_taken_apart)
{
    const balance at_zero;
    int sum = 0;
    constexpr auto two = []() -> task<std::tuple<counted, int>> {
        co_await suspension();
        std::tuple<counted, int> pair(counted(1), 2);
        co_return pair;
    };
    constexpr auto body = [](int& out, auto f) -> task<> {
        const auto [first, second] = co_await f();
        out = first.number() + second;
    };
    BOOST_TEST(runs_to_its_end(body(sum, two)));
    BOOST_TEST(sum == 3);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_range_for_keeps_its_temporary_across_suspensions)
{
    const balance at_zero;
    int sum = 0;
    constexpr auto body = [](int& out) -> task<> {
        for (const counted& each : std::vector<counted>(3, counted(2)))
            out += co_await number_after_a_while(each.number());
    };
    BOOST_TEST(runs_to_its_end(body(sum)));
    BOOST_TEST(sum == 6);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(an_exception_passes_through_tasks_and_destroys_what_they_hold_once)
{
    const balance at_zero;
    std::string caught;
    constexpr auto fail = [](counted given) -> task<int> {
        co_await suspension();
        if (given.number() == 1)
            throw std::runtime_error("given up");
        co_return 0;
    };
    constexpr auto body = [](std::string& out, auto f) -> task<> {
        const counted held;
        try {
            const int number = co_await f(counted(1));
            out = std::to_string(number);
        } catch (const std::runtime_error& error) {
            out = error.what();
        }
        co_await suspension();
    };
    BOOST_TEST(runs_to_its_end(body(caught, fail)));
    BOOST_TEST(caught == "given up");
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_million_children_that_end_at_once_need_no_stack)
{
    long sum = 0;
    constexpr auto body = [](long& out) -> task<> {
        for (int i = 0; i < 1'000'000; ++i)
            out += co_await number_at_once(1);
    };
    BOOST_TEST(runs_to_its_end(body(sum)));
    BOOST_TEST(sum == 1'000'000);
}

BOOST_AUTO_TEST_CASE(a_million_children_that_wait_need_no_stack)
{
    long sum = 0;
    constexpr auto body = [](long& out) -> task<> {
        for (int i = 0; i < 1'000'000; ++i)
            out += co_await number_after_a_while(1);
    };
    BOOST_TEST(runs_to_its_end(body(sum)));
    BOOST_TEST(sum == 1'000'000);
}

BOOST_AUTO_TEST_SUITE_END()
