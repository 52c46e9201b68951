// Awaitables of the runtime that touch the world outside. Those of event, latch, semaphore, mutex, channel, generator and
// when are held to the same in tests/runtime.
#include "tests/support/awaitable_conformance.hpp"

#include <coil/runtime/file.hpp>
#include <coil/runtime/offload.hpp>
#include <coil/runtime/pipe.hpp>
#include <coil/runtime/signal.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

namespace {

/// Comes to its end by itself.
struct sleep_case {
    static constexpr bool at_once = false;

    task<result<>> wait()
    {
        const result<> slept = co_await sleep_for(30ms);
        co_return slept;
    }
    void complete() {}
    void check_unused() {}
};

/// A call goes on when nobody waits for it any more, and refers to its loop until it has ended.
struct offload_case {
    static constexpr bool at_once = false;

    ~offload_case()
    {
        while (running > 0)
            std::this_thread::sleep_for(1ms);
        std::this_thread::sleep_for(20ms);  // the thread lets go of the loop's mailbox
    }

    task<result<>> wait()
    {
        auto sleeping = offload([this] {
            ++running;
            std::this_thread::sleep_for(30ms);
            return --running;
        });
        const result<int> slept = co_await sleeping;
        co_return slept.error();
    }
    void complete() {}
    void check_unused() {}

    std::atomic<int> running = 0;
};

struct join_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = true;

    task<result<>> wait()
    {
        auto children = std::make_unique<scope>();
        children->spawn([] { return sleep(); });
        co_await children->join();
        const stop_token stop = co_await this_task::stop_token();
        if (stop.stop_requested())
            co_return errc::canceled;
        co_return result<>();
    }
    static task<> sleep() { [[maybe_unused]] const result<> slept = co_await sleep_for(30ms); }
    void complete() {}
    void check_unused() {}
};

struct signal_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = true;

    signal_case() { std::signal(SIGUSR2, SIG_IGN); }  // one that nobody fetched is no reason to end

    task<result<>> wait()
    {
        const result<int> which = co_await subject.wait();
        BOOST_TEST((!which || *which == SIGUSR2));
        co_return which.error();
    }
    void complete() { ::kill(::getpid(), SIGUSR2); }
    void check_unused() {}

    signal_set subject{SIGUSR2};
};

struct file_read_case {
    static constexpr bool at_once = false;

    task<result<>> wait()
    {
        std::array<std::byte, 1> buffer;
        const result<std::size_t> got = co_await subject.read_end.read(buffer);
        BOOST_TEST((!got || *got == 1));
        co_return got.error();
    }
    void complete() { BOOST_TEST(::write(subject.write_end.descriptor(), "x", 1) == 1); }
    void check_unused() {}  // the kernel may have taken the byte for a coroutine that was destroyed

    pipe_ends subject = create_pipe().value();
};

struct file_write_case {
    static constexpr bool at_once = false;

    file_write_case()
    {
        const int flags = ::fcntl(subject.write_end.descriptor(), F_GETFL);
        ::fcntl(subject.write_end.descriptor(), F_SETFL, flags | O_NONBLOCK);
        while (::write(subject.write_end.descriptor(), page.data(), page.size()) > 0) {
        }
        ::fcntl(subject.write_end.descriptor(), F_SETFL, flags);
    }

    task<result<>> wait()
    {
        const result<std::size_t> put = co_await subject.write_end.write(page);
        co_return put.error();
    }
    void complete() { BOOST_TEST(::read(subject.read_end.descriptor(), page.data(), page.size()) > 0); }
    void check_unused() {}

    pipe_ends subject = create_pipe().value();
    std::vector<std::byte> page = std::vector<std::byte>(4096);
};

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_conformance_test)

BOOST_AUTO_TEST_CASE(a_sleep_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<sleep_case>::check();  // sleep_wait
}

BOOST_AUTO_TEST_CASE(an_offloaded_call_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<offload_case>::check();  // offload_wait
}

BOOST_AUTO_TEST_CASE(joining_a_scope_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<join_case>::check();  // join_wait
}

BOOST_AUTO_TEST_CASE(waiting_for_a_signal_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<signal_case>::check();  // signal_wait
}

BOOST_AUTO_TEST_CASE(reading_a_pipe_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<file_read_case>::check();  // transfer_wait
}

BOOST_AUTO_TEST_CASE(writing_a_full_pipe_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<file_write_case>::check();  // transfer_wait
}

BOOST_AUTO_TEST_SUITE_END()
