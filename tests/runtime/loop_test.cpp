#include <coil/runtime/loop.hpp>

#include "tests/support/child_end.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/runtime/internal/mailbox.hpp>
#include <coil/runtime/pipe.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

/// The signal that ends a process which does `what`.
template <class F>
int signal_that_ends(F what)
{
    const pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        ::close(STDERR_FILENO);
        what();
        ::_exit(0);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

task<> sleep_a_little()
{
    const result<> slept = co_await sleep_for(100us);
    slept.value();
}

/// Hundreds of reads and writes on pipes, half of the reads stopped.
task<> many_operations(int count)
{
    const process_counts before = process_counts::now();
    {
        scope all;
        stop_source stop;
        int written = 0;
        int stopped = 0;
        const pipe_ends silent = create_pipe().value();
        const pipe_ends busy = create_pipe().value();
        for (int i = 0; i < count; ++i) {
            all.spawn([&]() -> task<> {
                const std::string text = "x";
                const result<std::size_t> size = co_await busy.write_end.write(std::as_bytes(std::span(text)));
                written += size.has_value();
            });
            all.spawn([&]() -> task<> {
                co_await internal::use_stop_token(stop.token());
                std::array<std::byte, 1> buffer{};
                const result<std::size_t> size = co_await silent.read_end.read(buffer);
                stopped += size.error() == errc::canceled;
            });
        }
        const result<> slept = co_await sleep_for(3ms);
        slept.value();
        stop.request_stop();
        co_await all.join();
        BOOST_TEST(written == count);
        BOOST_TEST(stopped == count);
        std::vector<std::byte> buffer(10'000);
        const result<std::size_t> size = co_await busy.read_end.read(buffer);
        BOOST_TEST(*size == static_cast<std::size_t>(count));
    }
    co_await counts_return_to(before);
}

BOOST_AUTO_TEST_SUITE(loop_test)

BOOST_AUTO_TEST_CASE(is_the_loop_of_its_thread)
{
    BOOST_TEST(loop::current_or_null() == nullptr);
    {
        const loop here;
        BOOST_TEST(loop::current_or_null() == &here);
        BOOST_TEST(&loop::current() == &here);
        std::thread([] { BOOST_TEST(loop::current_or_null() == nullptr); }).join();
    }
    BOOST_TEST(loop::current_or_null() == nullptr);
}

BOOST_AUTO_TEST_CASE(mistakes_stop_the_program)
{
    BOOST_TEST(signal_that_ends([] { static_cast<void>(loop::current()); }) == SIGABRT);
    BOOST_TEST(signal_that_ends([] {
        const loop first;
        const loop second;
    }) == SIGABRT);
    BOOST_TEST(signal_that_ends([] { const loop alone; }) == 0);
}

BOOST_AUTO_TEST_CASE(comes_and_goes_without_a_trace)
{
    { const loop warm_up; }
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 20; ++i) {
        loop here;
        here.run(sleep_a_little());
    }
    BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_CASE(says_what_the_kernel_offers)
{
    const loop here;
    const std::string text = here.capabilities().to_string();
    BOOST_TEST_MESSAGE(text);
    if (here.capabilities().backend == backend::io_uring)
        BOOST_TEST(text.find("4096 completion entries") != std::string::npos);
    else
        BOOST_TEST(text.find("256 receive buffers") != std::string::npos);
    BOOST_TEST(here.capabilities().submission_entries == 256U);
}

BOOST_AUTO_TEST_CASE(counts_what_it_does)
{
    loop here;
    const loop_stats before = here.stats();
    BOOST_TEST(before.operations == 1U);  // it listens for calls of other threads
    const auto body = [&]() -> task<> {
        const pipe_ends pipe = create_pipe().value();
        std::array<std::byte, 1> buffer{};
        const result<std::size_t> none = co_await with_timeout(1ms, pipe.read_end.read(buffer));
        BOOST_TEST(!none.has_value());
    };
    here.run(body());
    const loop_stats after = here.stats();
    BOOST_TEST(after.operations == 1U);
    BOOST_TEST(after.timers == 0U);
    BOOST_TEST(after.turns > before.turns);
    BOOST_TEST(after.submissions - before.submissions == 2U);  // the read and its cancellation
    BOOST_TEST(after.completions - before.completions == 2U);
    BOOST_TEST(after.backlogged == 0U);
}

BOOST_AUTO_TEST_CASE(a_full_submission_queue_delays_and_loses_nothing)
{
    for (unsigned entries : {1U, 2U, 4U}) {
        loop here({.submission_entries = entries, .completion_entries = 8, .receive_buffers = 2});
        here.run(many_operations(400));
        BOOST_TEST(here.stats().backlogged > 0U);
        BOOST_TEST(here.stats().operations == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_small_completion_queue_overflows_and_loses_nothing)
{
    loop here({.submission_entries = 256, .completion_entries = 256, .receive_buffers = 2});
    here.run(many_operations(2000));
    BOOST_TEST(here.stats().operations == 1U);
}

BOOST_AUTO_TEST_CASE(operations_that_wait_for_a_place_can_be_stopped_and_destroyed)
{
    loop here({.submission_entries = 2, .completion_entries = 4, .receive_buffers = 0});
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            const pipe_ends pipe = create_pipe().value();
            std::optional<scope> readers;
            readers.emplace();
            stop_source stop;
            int stopped = 0;
            for (int i = 0; i < 100; ++i)
                readers->spawn([&, i]() -> task<> {
                    if (i % 2 == 0)
                        co_await internal::use_stop_token(stop.token());
                    std::array<std::byte, 64> buffer{};
                    const result<std::size_t> none = co_await pipe.read_end.read(buffer);
                    stopped += none.error() == errc::canceled;
                });
            // In the same pass over the ready list, before the loop enters the kernel again.
            scope stoppers;
            stoppers.spawn([&]() -> task<> {
                stop.request_stop();
                co_return;
            });
            stoppers.spawn([&]() -> task<> {
                readers.reset();
                co_return;
            });
            co_await stoppers.join();
            BOOST_TEST(stopped == 0);
        }
        co_await counts_return_to(before);
    };
    here.run(body());
    BOOST_TEST(here.stats().backlogged > 0U);
}

BOOST_AUTO_TEST_CASE(options_that_the_kernel_cannot_honour_throw)
{
    BOOST_CHECK_THROW(loop({.submission_entries = 0}), std::system_error);
    BOOST_CHECK_THROW(loop({.receive_buffers = 3}), std::invalid_argument);
    BOOST_CHECK_THROW(loop({.receive_buffers = 65536}), std::invalid_argument);
    BOOST_CHECK_THROW(loop({.receive_buffer_size = 0}), std::invalid_argument);
    BOOST_CHECK_THROW(loop({.receive_buffer_size = 65536}), std::invalid_argument);
    BOOST_TEST(loop::current_or_null() == nullptr);
    const loop good({.receive_buffers = 1, .receive_buffer_size = 65535});
    BOOST_TEST(good.stats().receive_buffers_lent == 0U);
}

BOOST_AUTO_TEST_CASE(throws_where_no_descriptor_is_left)
{
    rlimit before{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    BOOST_CHECK_THROW(loop(), std::system_error);
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    BOOST_TEST(loop::current_or_null() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_busy_coroutine_does_not_keep_the_others_waiting)
{
    loop here;
    const auto body = [&]() -> task<> {
        scope all;
        bool slept = false;
        long rounds = 0;
        all.spawn([&]() -> task<> {
            const result<> done = co_await sleep_for(1ms);
            slept = done.has_value();
        });
        all.spawn([&]() -> task<> {
            while (!slept) {
                ++rounds;
                const result<> next = co_await sleep_for(0ns);
                next.value();
            }
        });
        co_await all.join();
        BOOST_TEST(rounds > 0);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(destroying_it_ends_what_is_in_flight)
{
    const std::size_t before = open_descriptors();
    const pipe_ends pipe = create_pipe().value();
    std::array<std::byte, 8> buffer{};
    {
        loop here;
        const auto body = [&]() -> task<> {
            scope readers;
            for (int i = 0; i < 10; ++i)
                readers.spawn([&]() -> task<> {
                    const result<std::size_t> never = co_await pipe.read_end.read(buffer);
                    BOOST_TEST(!never.has_value());
                });
            const result<> slept = co_await sleep_for(1ms);
            slept.value();
        };
        here.run(body());
    }
    BOOST_TEST(open_descriptors() == before + 2);
    const std::string text = "nobody";
    BOOST_TEST(::write(pipe.write_end.descriptor(), text.data(), text.size()) == 6);
    BOOST_TEST((buffer[0] == std::byte{}));
}

BOOST_AUTO_TEST_CASE(posted_calls_run_in_order_on_the_loops_thread)
{
    loop here;
    std::vector<int> order;
    const auto body = [&]() -> task<> {
        for (int i = 0; i < 5; ++i)
            here.post([&order, i] { order.push_back(i); });
        BOOST_TEST(order.empty());
        const result<> slept = co_await sleep_for(2ms);
        slept.value();
    };
    here.run(body());
    BOOST_TEST(order == (std::vector{0, 1, 2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_posted_call_may_post)
{
    loop here;
    stop_source done;
    int rounds = 0;
    std::function<void()> again = [&] {
        if (++rounds == 100)
            done.request_stop();
        else
            here.post(again);
    };
    const auto body = [&]() -> task<> {
        co_await internal::use_stop_token(done.token());
        here.post(again);
        const result<> slept = co_await sleep_for(1h);
        BOOST_TEST(!slept.has_value());
    };
    here.run(body());
    BOOST_TEST(rounds == 100);
}

BOOST_AUTO_TEST_CASE(no_call_from_other_threads_is_lost)
{
    constexpr int threads = 4;
    constexpr int calls = 20'000;
    loop here;
    stop_source done;
    std::array<int, threads> last{};
    bool in_order = true;
    int arrived = 0;
    std::vector<std::jthread> senders;
    const auto body = [&]() -> task<> {
        co_await internal::use_stop_token(done.token());
        for (int sender = 0; sender < threads; ++sender)
            senders.emplace_back([&, sender] {
                for (int i = 1; i <= calls; ++i) {
                    here.post([&, sender, i] {
                        in_order = in_order && ++last[static_cast<std::size_t>(sender)] == i;
                        if (++arrived == threads * calls)
                            done.request_stop();
                    });
                    if (i % 2000 == 0)
                        std::this_thread::sleep_for(1ms);  // lets the loop fall asleep
                }
            });
        const result<> slept = co_await sleep_for(1h);
        BOOST_TEST(slept.error() == make_error_code(errc::canceled));
    };
    here.run(body());
    BOOST_TEST(arrived == threads * calls);
    BOOST_TEST(in_order);
}

BOOST_AUTO_TEST_CASE(a_call_wakes_an_idle_loop)
{
    loop here;
    stop_source done;
    const auto body = [&]() -> task<> {
        co_await internal::use_stop_token(done.token());
        std::jthread sender([&] {
            std::this_thread::sleep_for(20ms);
            here.post([&] { done.request_stop(); });
        });
        const result<> slept = co_await sleep_for(1h);
        BOOST_TEST(slept.error() == make_error_code(errc::canceled));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(calls_that_came_too_late_are_dropped_with_what_they_own)
{
    auto held = std::make_shared<int>(1);
    std::optional<loop_handle> handle;
    {
        loop here;
        handle = here.handle();
        BOOST_TEST(handle->mailbox() == here.mailbox());
        here.post([held] { BOOST_ERROR("ran"); });
    }
    BOOST_TEST(held.use_count() == 1);
    BOOST_TEST(!handle->post([held] { BOOST_ERROR("ran"); }));
    BOOST_TEST(held.use_count() == 1);
}

/// Keeps the thread for a while, and says so.
class heavy_work final : public internal::ready_item {
public:
    heavy_work(std::vector<std::string>& story, std::string name, std::function<void()> also = {})
        : story_(story), name_(std::move(name)), also_(std::move(also))
    {
    }

    void run() noexcept override
    {
        if (also_)
            also_();
        const auto end = std::chrono::steady_clock::now() + 2ms;
        while (std::chrono::steady_clock::now() < end) {
        }
        story_.push_back(name_);
    }

private:
    std::vector<std::string>& story_;
    std::string name_;
    std::function<void()> also_;
};

BOOST_AUTO_TEST_CASE(news_are_told_between_heavy_items)
{
    loop here;
    std::vector<std::string> story;
    const auto body = [&]() -> task<> {
        pipe_ends ends = create_pipe().value();
        const int into = ends.write_end.descriptor();
        heavy_work first(story, "first", [into] { BOOST_TEST(::write(into, "x", 1) == 1); });
        heavy_work second(story, "second");
        heavy_work third(story, "third");
        for (heavy_work* each : {&first, &second, &third})
            here.enqueue_heavy(*each);
        std::array<std::byte, 8> buffer{};
        const result<std::size_t> size = co_await ends.read_end.read(buffer);
        BOOST_TEST(size.value() == 1u);
        story.push_back("news");
        while (story.size() < 4) {
            const result<> slept = co_await sleep_for(1ms);
            slept.value();
        }
    };
    here.run(body());
    const std::vector<std::string> expected{"first", "news", "second", "third"};
    BOOST_TEST(story == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(news_without_end_leave_half_of_the_time_to_heavy_items)
{
    loop here;
    std::vector<std::string> story;
    const auto body = [&]() -> task<> {
        pipe_ends ends = create_pipe().value();
        std::array<heavy_work, 3> items{heavy_work(story, "first"), heavy_work(story, "second"), heavy_work(story, "third")};
        for (heavy_work& each : items)
            here.enqueue_heavy(each);
        std::array<std::byte, 8> buffer{};
        // Each turn brings the byte that the one before has written.
        const auto limit = std::chrono::steady_clock::now() + 20s;
        while (story.size() < items.size() && std::chrono::steady_clock::now() < limit) {
            BOOST_TEST_REQUIRE(::write(ends.write_end.descriptor(), "x", 1) == 1);
            const result<std::size_t> size = co_await ends.read_end.read(buffer);
            BOOST_TEST_REQUIRE(size.value() == 1u);
        }
    };
    here.run(body());
    const std::vector<std::string> expected{"first", "second", "third"};
    BOOST_TEST(story == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_heavy_item_that_goes_leaves_the_queue)
{
    loop here;
    std::vector<std::string> story;
    const auto body = [&]() -> task<> {
        auto gone = std::make_unique<heavy_work>(story, "gone");
        heavy_work stays(story, "stays");
        here.enqueue_heavy(*gone);
        here.enqueue_heavy(stays);
        gone.reset();
        const result<> slept = co_await sleep_for(20ms);
        slept.value();
    };
    here.run(body());
    BOOST_TEST(story == std::vector<std::string>{"stays"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_thread_may_have_a_loop)
{
    std::atomic<int> finished = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            loop here({.submission_entries = 8, .completion_entries = 16, .receive_buffers = 2});
            const auto body = []() -> task<> {
                for (int round = 0; round < 50; ++round) {
                    const result<> slept = co_await sleep_for(50us);
                    slept.value();
                }
            };
            here.run(body());
            ++finished;
        });
    threads.clear();
    BOOST_TEST(finished == 4);
}

BOOST_AUTO_TEST_CASE(a_loop_that_is_used_in_a_forked_child_stops_it_with_a_message, *boost::unit_test::label("F-35"))
{
    loop here;
    const auto sleep = []() -> task<> {
        const result<> slept = co_await sleep_for(1ms);
        BOOST_TEST(slept.has_value());
    };
    here.run(sleep());
    BOOST_TEST(test::stops_with("forked", [&] { here.run(sleep()); }));
    BOOST_TEST(test::stops_with("forked", [] { static_cast<void>(loop::current()); }));
    BOOST_TEST(test::stops_with("forked", [&] {
        loop* const gone = &here;
        std::destroy_at(gone);
    }));
    BOOST_TEST(test::stops_with("forked", [&] {
        // A child that has a loop of its own is as good as any process, until it forks in turn.
        loop own;
        const auto in_grandchild = [&]() -> task<> {
            co_await sleep();
            const ::pid_t child = ::fork();
            if (child == 0)
                co_await sleep();
            int status = 0;
            if (::waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
                std::abort();
        };
        own.run(in_grandchild());
    }));
    here.run(sleep());  // nothing of that touched the parent's
}

BOOST_AUTO_TEST_CASE(a_forked_child_can_make_a_loop_of_its_own, *boost::unit_test::label("F-35"))
{
    loop here;
    const test::child_end end = test::end_of_child([] {
        loop own;
        const auto sleep = []() -> task<> {
            const result<> slept = co_await sleep_for(1ms);
            if (!slept)
                std::abort();
        };
        own.run(sleep());
    });
    BOOST_TEST(end.signal == 0, end.message);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
