#include <coil/runtime/loop_stats.hpp>

#include "tests/support/process_counts.hpp"

#include <coil/runtime/file.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/pipe.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/simulation.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

/// Reads from as many pipes as `count` says, into all of which something is written between two turns of the loop.
task<> read_all_at_once(int count)
{
    const process_counts before = process_counts::now();
    {
        std::vector<std::unique_ptr<pipe_ends>> pipes;
        int bytes_read = 0;
        scope readers;
        for (int i = 0; i < count; ++i) {
            pipes.push_back(std::make_unique<pipe_ends>(create_pipe().value()));
            readers.spawn([&bytes_read, &from = pipes.back()->read_end]() -> task<> {
                std::array<std::byte, 8> buffer{};
                const result<std::size_t> size = co_await from.read(buffer);
                bytes_read += static_cast<int>(size.value());
            });
        }
        const result<> slept = co_await sleep_for(1ms);
        slept.value();
        for (const auto& each : pipes)
            BOOST_REQUIRE(::write(each->write_end.descriptor(), "x", 1) == 1);
        co_await readers.join();
        BOOST_TEST(bytes_read == count);
    }
    co_await counts_return_to(before);
}

BOOST_AUTO_TEST_SUITE(loop_stats_test)

BOOST_AUTO_TEST_CASE(an_overflow_of_the_kernels_queue_is_counted_and_loses_nothing)
{
    loop here({.submission_entries = 8, .completion_entries = 8, .receive_buffers = 0});
    BOOST_REQUIRE(here.capabilities().completion_entries == 8U);
    BOOST_TEST(here.stats().completion_overflows == 0U);
    here.run(read_all_at_once(200));
    const bool has_such_a_queue = here.capabilities().backend == backend::io_uring;
    BOOST_TEST((here.stats().completion_overflows > 0U) == has_such_a_queue);
    BOOST_TEST(here.stats().lost_completions == 0U);
    BOOST_TEST(here.stats().operations == 1U);
}

BOOST_AUTO_TEST_CASE(without_an_overflow_none_is_counted)
{
    loop here;
    here.run(read_all_at_once(200));
    BOOST_TEST(here.stats().completion_overflows == 0U);
}

BOOST_AUTO_TEST_CASE(a_simulated_overflow_is_counted_too)
{
    simulation world({.completion_entries = 1, .seed = 3});
    world.run(read_all_at_once(20));
    BOOST_TEST(world.report().overflows > 0U);
    BOOST_TEST(world.report().loop.completion_overflows > 0U);

    simulation roomy({.seed = 3});
    roomy.run(read_all_at_once(20));
    BOOST_TEST(roomy.report().loop.completion_overflows == 0U);
}

BOOST_AUTO_TEST_CASE(cancellations_are_counted_once_for_each_operation)
{
    loop here;
    const auto body = [&]() -> task<> {
        const pipe_ends pipe = create_pipe().value();
        scope readers;
        for (int i = 0; i < 5; ++i)
            readers.spawn([&]() -> task<> {
                std::array<std::byte, 8> buffer{};
                const result<std::size_t> none = co_await pipe.read_end.read(buffer);
                BOOST_TEST(none.error() == make_error_code(errc::canceled));
            });
        const result<> slept = co_await sleep_for(1ms);
        slept.value();
        BOOST_TEST(here.stats().cancellations == 0U);
        readers.request_stop();
        readers.request_stop();
        co_await readers.join();
    };
    here.run(body());
    BOOST_TEST(here.stats().cancellations == 5U);
}

BOOST_AUTO_TEST_CASE(calls_that_find_the_loop_asleep_wake_it_and_others_do_not)
{
    loop here;
    stop_source done;
    const auto body = [&]() -> task<> {
        here.post([] {});  // it is awake
        const result<> passed = co_await sleep_for(1ms);
        passed.value();
        BOOST_TEST(here.stats().wake_ups == 0U);
        co_await internal::use_stop_token(done.token());
        const std::jthread sender([&](const std::stop_token& enough) {
            while (!enough.stop_requested()) {
                std::this_thread::sleep_for(5ms);
                here.post([&] {
                    if (here.stats().wake_ups > 0)
                        done.request_stop();
                });
            }
        });
        const result<> slept = co_await sleep_for(20s);
        BOOST_TEST(slept.error() == make_error_code(errc::canceled));
    };
    here.run(body());
    BOOST_TEST(here.stats().wake_ups > 0U);
}

BOOST_AUTO_TEST_CASE(those_of_several_loops_add_up)
{
    loop_stats one;
    one.turns = 1;
    one.wake_ups = 2;
    one.receive_buffers_lent = 3;
    one.accept_rearms[rearm_reason::exhausted] = 4;
    loop_stats other;
    other.turns = 10;
    other.wake_ups = 20;
    other.receive_buffers_lent = 30;
    other.fewest_buffers_left = 7;
    other.accept_rearms[rearm_reason::exhausted] = 40;
    other.receive_rearms[rearm_reason::bulk] = 50;

    loop_stats sum;
    sum += one;
    BOOST_TEST(!sum.fewest_buffers_left.has_value());
    sum += other;
    BOOST_TEST(sum.turns == 11U);
    BOOST_TEST(sum.wake_ups == 22U);
    BOOST_TEST(sum.receive_buffers_lent == 33U);
    BOOST_TEST(sum.accept_rearms[rearm_reason::exhausted] == 44U);
    BOOST_TEST(sum.accept_rearms.total() == 44U);
    BOOST_TEST(sum.receive_rearms[rearm_reason::bulk] == 50U);
    BOOST_TEST(sum.fewest_buffers_left.value() == 7U);
    other.fewest_buffers_left = 9;
    sum += other;
    BOOST_TEST(sum.fewest_buffers_left.value() == 7U);
    other.fewest_buffers_left = 2;
    sum += other;
    BOOST_TEST(sum.fewest_buffers_left.value() == 2U);
}

BOOST_AUTO_TEST_CASE(it_reads_as_a_line)
{
    loop_stats some;
    BOOST_TEST(some.to_string() == "");
    some.turns = 12;
    some.completion_overflows = 3;
    some.accept_rearms[rearm_reason::failed] = 4;
    some.receive_rearms[rearm_reason::back_pressure] = 5;
    BOOST_TEST(some.to_string() == "12 turns, 3 completion overflows, accepts rearmed after a failure: 4, "
                                   "receives rearmed after back-pressure: 5");
    some.fewest_buffers_left = 0;
    BOOST_TEST(some.to_string().ends_with(", never fewer than 0 receive buffers left"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
