// Awaitables of the runtime that touch the world outside, and those made of others. Those of event, latch, semaphore, mutex,
// the channels, generator, when, call_on and fibers are held to the same in tests/runtime.
#include "tests/support/awaitable_conformance.hpp"
#include "tests/support/busy_workers.hpp"

#include <coil/runtime/directory.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/file.hpp>
#include <coil/runtime/handler.hpp>
#include <coil/runtime/offload.hpp>
#include <coil/runtime/pipe.hpp>
#include <coil/runtime/signal.hpp>
#include <coil/runtime/standard_stream.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
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

struct input_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = true;

    task<result<>> wait()
    {
        std::array<std::byte, 1> buffer;
        const result<std::size_t> got = co_await subject.read(buffer);
        BOOST_TEST((!got || *got == 1));
        co_return got.error();
    }
    void complete() { BOOST_TEST(::write(pipe.write_end.descriptor(), "x", 1) == 1); }
    void check_unused() {}  // tests/runtime looks for what came for coroutines that were destroyed

    pipe_ends pipe = create_pipe().value();
    standard_input subject{pipe.read_end.descriptor()};
};

/// A pipe that is full until `complete` takes a page out of it.
struct full_pipe {
    static constexpr bool at_once = false;

    full_pipe()
    {
        const int flags = ::fcntl(subject.write_end.descriptor(), F_GETFL);
        ::fcntl(subject.write_end.descriptor(), F_SETFL, flags | O_NONBLOCK);
        while (::write(subject.write_end.descriptor(), page.data(), page.size()) > 0) {}
        ::fcntl(subject.write_end.descriptor(), F_SETFL, flags);
    }

    void complete() { BOOST_TEST(::read(subject.read_end.descriptor(), page.data(), page.size()) > 0); }
    void check_unused() {}

    pipe_ends subject = create_pipe().value();
    std::vector<std::byte> page = std::vector<std::byte>(4096);
};

struct file_write_case : full_pipe {
    task<result<>> wait()
    {
        const result<std::size_t> put = co_await subject.write_end.write(page);
        co_return put.error();
    }
};

struct output_case : full_pipe {
    task<result<>> wait()
    {
        const result<std::size_t> put = co_await output.write(page);
        co_return put.error();
    }

    standard_output output{subject.write_end.descriptor()};
};

/// What is done with a file that is in memory takes no time worth mentioning.
struct stored_case {
    static constexpr bool at_once = false;
    static constexpr bool prompt = true;

    void complete() {}
    void check_unused() {}

    file subject{::memfd_create("subject", MFD_CLOEXEC)};
};

struct open_case : stored_case {
    task<result<>> wait()
    {
        const result<file> opened = co_await file::open("/proc/self/status", O_RDONLY);
        co_return opened.error();
    }
};

struct open_below_case : stored_case {
    task<result<>> wait()
    {
        const result<file> opened = co_await file::open_below(folder, "null", O_RDONLY);
        co_return opened.error();
    }

    file folder{::open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
};

struct read_at_case : stored_case {
    task<result<>> wait()
    {
        std::array<std::byte, 8> buffer;
        const result<std::size_t> got = co_await subject.read_at(buffer, 0);
        co_return got.error();
    }
};

struct write_at_case : stored_case {
    task<result<>> wait()
    {
        const std::array<std::byte, 8> bytes{};
        const result<std::size_t> put = co_await subject.write_at(bytes, 0);
        co_return put.error();
    }
};

struct sync_case : stored_case {
    task<result<>> wait()
    {
        const result<> done = co_await subject.sync();
        co_return done;
    }
};

struct status_case : stored_case {
    task<result<>> wait()
    {
        const result<file_status> known = co_await subject.status();
        co_return known.error();
    }
};

struct close_case : stored_case {
    task<result<>> wait()
    {
        result<file> copy = subject.duplicate();
        const result<> closed = co_await copy->close();
        BOOST_TEST(copy->descriptor() == -1);
        co_return closed;
    }
};

/// Waits for a thread of `offload`.
struct list_case {
    static constexpr bool at_once = false;

    task<result<>> wait()
    {
        const result<std::vector<directory_entry>> found = co_await list_directory("/proc/self/fd");
        co_return found.error();
    }
    void complete() { threads.let_go(); }
    void check_unused() {}

    busy_workers threads;
};

struct list_open_case : list_case {
    task<result<>> wait()
    {
        const result<std::vector<directory_entry>> found = co_await list_directory(folder);
        co_return found.error();
    }

    file folder{::open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
};

/// What waits for an event.
struct event_case {
    static constexpr bool at_once = true;

    void complete() { subject.set(); }
    void check_unused() { BOOST_TEST(subject.is_set()); }

    event subject;
};

struct task_case : event_case {
    task<result<>> inner()
    {
        const result<> got = co_await subject.wait();
        co_return got;
    }
    task<result<>> wait()
    {
        const result<> got = co_await inner();
        co_return got;
    }
};

/// A coroutine that is asked.
struct handler_case : task_case {
    handler<result<>()> asked = [this] { return inner(); };

    task<result<>> wait()
    {
        const result<> got = co_await asked();
        co_return got;
    }
};

struct started_handler_case : handler_case {
    task<result<>> wait()
    {
        const result<> got = co_await asked.start();
        co_return got;
    }
};

struct with_timeout_case : event_case {
    task<result<>> wait()
    {
        const result<> got = co_await with_timeout(1h, subject.wait());
        co_return got;
    }
};

struct with_deadline_case : event_case {
    task<result<>> wait()
    {
        const auto later = std::chrono::steady_clock::now() + 1h;
        const result<> got = co_await with_deadline(later, subject.wait());
        co_return got;
    }
};

struct sleep_until_case {
    static constexpr bool at_once = false;

    task<result<>> wait()
    {
        const result<> slept = co_await sleep_until(std::chrono::steady_clock::now() + 30ms);
        co_return slept;
    }
    void complete() {}
    void check_unused() {}
};

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_conformance_test)

BOOST_AUTO_TEST_CASE(a_sleep_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<sleep_case>::check("sleep_for");
    awaitable_conformance<sleep_until_case>::check("sleep_until");
}

BOOST_AUTO_TEST_CASE(a_task_and_a_deadline_keep_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<task_case>::check("task");
    awaitable_conformance<with_timeout_case>::check("with_timeout");
    awaitable_conformance<with_deadline_case>::check("with_deadline");
}

BOOST_AUTO_TEST_CASE(a_handler_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<handler_case>::check("handler::operator");
    awaitable_conformance<started_handler_case>::check("handler::start");
}

BOOST_AUTO_TEST_CASE(an_offloaded_call_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<offload_case>::check("offload");
}

BOOST_AUTO_TEST_CASE(joining_a_scope_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<join_case>::check("scope::join");
}

BOOST_AUTO_TEST_CASE(waiting_for_a_signal_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<signal_case>::check("signal_set::wait");
}

BOOST_AUTO_TEST_CASE(reading_a_pipe_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<file_read_case>::check("file::read");
}

BOOST_AUTO_TEST_CASE(writing_a_full_pipe_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<file_write_case>::check("file::write");
}

BOOST_AUTO_TEST_CASE(standard_streams_keep_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<input_case>::check("standard_input::read");
    awaitable_conformance<output_case>::check("standard_output::write");
}

BOOST_AUTO_TEST_CASE(what_is_done_with_a_stored_file_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<open_case>::check("file::open");
    awaitable_conformance<open_below_case>::check("file::open_below");
    awaitable_conformance<read_at_case>::check("file::read_at");
    awaitable_conformance<write_at_case>::check("file::write_at");
    awaitable_conformance<sync_case>::check("file::sync");
    awaitable_conformance<status_case>::check("file::status");
    awaitable_conformance<close_case>::check("file::close");
}

BOOST_AUTO_TEST_CASE(listing_a_directory_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<list_case>::check("list_directory");
    awaitable_conformance<list_open_case>::check("list_directory");
}

BOOST_AUTO_TEST_SUITE_END()
