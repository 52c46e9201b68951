#include <coil/runtime/latch.hpp>

#include "tests/support/awaitable_conformance.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

namespace {

using namespace coil;
using namespace coil::test;

struct latch_case {
    static constexpr bool at_once = true;

    task<result<>> wait()
    {
        const result<> got = co_await subject.wait();
        co_return got;
    }
    void complete()
    {
        if (!subject.try_wait())
            subject.count_down();
    }
    void check_unused() { BOOST_TEST(subject.try_wait()); }

    latch subject{1};
};

BOOST_AUTO_TEST_SUITE(latch_test)

BOOST_AUTO_TEST_CASE(waiting_for_a_latch_conforms)
{
    awaitable_conformance<latch_case>::check("latch::wait");
}

BOOST_AUTO_TEST_CASE(waits_for_the_last_one)
{
    loop here;
    const auto body = [&]() -> task<> {
        latch workers(5);
        int ended = 0;
        scope all;
        const auto work = [&](std::size_t by) -> task<> {
            co_await this_task::yield();
            ended += static_cast<int>(by);
            workers.count_down(by);
        };
        all.spawn(work(1));
        all.spawn(work(3));
        all.spawn(work(1));
        BOOST_TEST(!workers.try_wait());
        const result<> done = co_await workers.wait();
        BOOST_TEST(done.has_value());
        BOOST_TEST(ended == 5);
        BOOST_TEST(workers.try_wait());
        co_await all.join();
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_latch_of_nothing_is_open)
{
    loop here;
    const auto body = [&]() -> task<> {
        latch open(0);
        const result<> done = co_await open.wait();
        BOOST_TEST(done.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
