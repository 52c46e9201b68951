#include <coil/runtime/standard_stream.hpp>

#include "tests/support/awaitable_conformance.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/runtime/file.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/pipe.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/simulation.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

using namespace std::chrono_literals;

// Not the unnamed namespace: g++ warns of frames of coroutines with members whose type has no linkage.
namespace coil::test {

enum class kind { pipe, terminal, socket, nonblocking_pipe, nonblocking_terminal, nonblocking_socket };

std::ostream& operator<<(std::ostream& out, kind which)
{
    constexpr std::array names{
        "pipe", "terminal", "socket", "non-blocking pipe", "non-blocking terminal", "non-blocking socket"};
    return out << names[static_cast<std::size_t>(which)];
}

const std::array all_kinds{kind::pipe,
                           kind::terminal,
                           kind::socket,
                           kind::nonblocking_pipe,
                           kind::nonblocking_terminal,
                           kind::nonblocking_socket};

void make_nonblocking(int descriptor)
{
    BOOST_REQUIRE(::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0);
}

/// Passes bytes on as they are.
void make_raw(int terminal)
{
    termios how{};
    BOOST_REQUIRE(::tcgetattr(terminal, &how) == 0);
    ::cfmakeraw(&how);
    BOOST_REQUIRE(::tcsetattr(terminal, TCSANOW, &how) == 0);
}

/// What is given to the program as a standard stream, and the other end of it.
class stream_ends {
public:
    stream_ends(kind which, bool is_input) : stream_ends(opened(which, is_input))
    {
        if (which >= kind::nonblocking_pipe)
            make_nonblocking(stream.descriptor());
        flags_ = ::fcntl(stream.descriptor(), F_GETFL);
    }
    ~stream_ends() { BOOST_TEST(::fcntl(stream.descriptor(), F_GETFL) == flags_); }

    void send(std::string_view text)
    {
        BOOST_TEST(::write(other.descriptor(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }

    file stream;
    file other;

private:
    explicit stream_ends(std::array<int, 2> ends) : stream(ends[0]), other(ends[1]) {}

    static std::array<int, 2> opened(kind which, bool is_input)
    {
        std::array<int, 2> ends{};
        switch (which) {
        case kind::pipe:
        case kind::nonblocking_pipe:
            BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
            if (!is_input)
                std::swap(ends[0], ends[1]);
            break;
        case kind::terminal:
        case kind::nonblocking_terminal:
            ends[1] = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
            BOOST_REQUIRE(::grantpt(ends[1]) == 0);
            BOOST_REQUIRE(::unlockpt(ends[1]) == 0);
            ends[0] = ::open(::ptsname(ends[1]), O_RDWR | O_NOCTTY | O_CLOEXEC);
            BOOST_REQUIRE(ends[0] >= 0);
            make_raw(ends[0]);
            break;
        case kind::socket:
        case kind::nonblocking_socket:
            BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
            break;
        }
        return ends;
    }

    int flags_ = 0;
};

task<std::string> read_some(standard_input& input, std::size_t most = 64)
{
    std::vector<std::byte> buffer(most);
    const result<std::size_t> count = co_await input.read(buffer);
    BOOST_TEST_REQUIRE(error_name(count.error()) == "");
    co_return std::string(reinterpret_cast<const char*>(buffer.data()), *count);
}

task<> pass(int passes)
{
    for (int i = 0; i < passes; ++i)
        co_await this_task::yield();
}

struct loop_fixture {
    loop here;
};

}  // namespace coil::test

using namespace coil;
using namespace coil::test;

BOOST_FIXTURE_TEST_SUITE(standard_stream_test, loop_fixture)

BOOST_DATA_TEST_CASE(reads_what_is_there_and_waits_for_what_comes, boost::unit_test::data::make(all_kinds), which)
{
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            stream_ends ends(which, true);
            standard_input input(ends.stream.descriptor());
            ends.send("first");
            const std::string first = co_await read_some(input);
            BOOST_TEST(first == "first");
            scope senders;
            senders.spawn([&]() -> task<> {
                const result<> slept = co_await sleep_for(2ms);
                slept.value();
                ends.send("second");
            });
            const std::string second = co_await read_some(input);
            BOOST_TEST(second == "second");
            co_await senders.join();
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_DATA_TEST_CASE(takes_no_more_than_was_asked_for, boost::unit_test::data::make(all_kinds), which)
{
    const auto body = [&]() -> task<> {
        stream_ends ends(which, true);
        {
            standard_input input(ends.stream.descriptor());
            ends.send("for us, for them");
            const std::string ours = co_await read_some(input, 6);
            BOOST_TEST(ours == "for us");
        }
        std::array<char, 64> rest{};
        BOOST_TEST(::read(ends.stream.descriptor(), rest.data(), rest.size()) == 10);
    };
    here.run(body());
}

BOOST_DATA_TEST_CASE(a_read_that_is_stopped_takes_nothing, boost::unit_test::data::make(all_kinds), which)
{
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            stream_ends ends(which, true);
            standard_input input(ends.stream.descriptor());
            std::array<std::byte, 64> buffer{};
            for (int round = 0; round < 3; ++round) {
                const result<std::size_t> none = co_await with_timeout(2ms, input.read(buffer));
                BOOST_TEST(none.error() == make_error_code(errc::timed_out));
            }
            ends.send("kept");
            const std::string kept = co_await read_some(input);
            BOOST_TEST(kept == "kept");
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

/// Every byte comes out once and in order, whatever happens to those who wait for them.
BOOST_DATA_TEST_CASE(no_byte_is_lost_when_readers_are_destroyed, boost::unit_test::data::make(all_kinds), which)
{
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            stream_ends ends(which, true);
            standard_input input(ends.stream.descriptor());
            std::string sent;
            std::string got;
            for (int round = 0; round < 60; ++round) {
                std::optional<scope> readers;
                readers.emplace();
                readers->spawn([&]() -> task<> {
                    const std::string some = co_await read_some(input, 3);
                    got += some;
                });
                co_await pass(round % 4);
                const std::string text(1 + static_cast<std::size_t>(round % 5), static_cast<char>('a' + round % 26));
                ends.send(text);
                sent += text;
                const auto before_end = round % 3 == 0 ? 100us : 0us;
                const auto after_end = round % 4 == 1 ? 100us : 0us;
                const result<> waited = co_await sleep_for(before_end);
                waited.value();
                readers.reset();
                const result<> waited_too = co_await sleep_for(after_end);
                waited_too.value();
            }
            while (got.size() < sent.size()) {
                const std::string some = co_await read_some(input);
                got += some;
            }
            BOOST_TEST(got == sent);
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(the_end_is_an_error_like_others)
{
    const auto body = []() -> task<> {
        pipe_ends pipe = create_pipe().value();
        standard_input input(pipe.read_end.descriptor());
        const result<std::size_t> written = co_await pipe.write_end.write(std::as_bytes(std::span("last", 4)));
        BOOST_TEST(written.has_value());
        pipe.write_end = file(-1);
        const std::string last = co_await read_some(input);
        BOOST_TEST(last == "last");
        std::array<std::byte, 8> buffer{};
        for (int again = 0; again < 2; ++again) {
            const result<std::size_t> end = co_await input.read(buffer);
            BOOST_TEST(end.error() == make_error_code(errc::end_of_stream));
        }
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_terminal_may_have_more_after_its_end)
{
    const auto body = []() -> task<> {
        stream_ends ends(kind::terminal, true);
        termios how{};
        BOOST_REQUIRE(::tcgetattr(ends.stream.descriptor(), &how) == 0);
        how.c_lflag |= ICANON;
        how.c_cc[VEOF] = 4;
        BOOST_REQUIRE(::tcsetattr(ends.stream.descriptor(), TCSANOW, &how) == 0);
        standard_input input(ends.stream.descriptor());
        std::array<std::byte, 8> buffer{};
        ends.send("\x04");
        const result<std::size_t> end = co_await input.read(buffer);
        BOOST_TEST(end.error() == make_error_code(errc::end_of_stream));
        ends.send("more\n");
        const std::string more = co_await read_some(input);
        BOOST_TEST(more == "more\n");
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(one_reader_at_a_time_and_none_after_the_stream)
{
    const auto body = []() -> task<> {
        const process_counts before = process_counts::now();
        {
            const pipe_ends pipe = create_pipe().value();
            auto input = std::make_unique<standard_input>(pipe.read_end.descriptor());
            scope readers;
            readers.spawn([&]() -> task<> {
                std::array<std::byte, 8> buffer{};
                const result<std::size_t> destroyed = co_await input->read(buffer);
                BOOST_TEST(destroyed.error() == make_error_code(errc::destroyed));
            });
            co_await pass(2);
            std::array<std::byte, 8> buffer{};
            const result<std::size_t> second = co_await input->read(buffer);
            BOOST_TEST(second.error() == make_error_code(errc::already_in_progress));
            input.reset();
            co_await readers.join();
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_closed_says_so_each_time)
{
    const auto body = []() -> task<> {
        standard_input input(-1);
        standard_output output(-1);
        std::array<std::byte, 8> buffer{};
        for (int again = 0; again < 2; ++again) {
            const result<std::size_t> read = co_await input.read(buffer);
            BOOST_TEST(error_name(read.error()) == "EBADF");
            const result<std::size_t> written = co_await output.write("text");
            BOOST_TEST(error_name(written.error()) == "EBADF");
        }
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_file_is_read_and_written_where_its_descriptor_stands)
{
    const auto body = []() -> task<> {
        const file stored(::memfd_create("stored", MFD_CLOEXEC));
        const result<std::size_t> put = co_await stored.write(std::as_bytes(std::span("0123456789", 10)));
        BOOST_TEST(*put == 10U);
        BOOST_TEST(::lseek(stored.descriptor(), 4, SEEK_SET) == 4);
        standard_input input(stored.descriptor());
        const std::string middle = co_await read_some(input, 2);
        BOOST_TEST(middle == "45");
        standard_output output(stored.descriptor());
        const result<std::size_t> written = co_await output.write("xy");
        BOOST_TEST(*written == 2U);
        const std::string rest = co_await read_some(input);
        BOOST_TEST(rest == "89");
        std::array<std::byte, 8> buffer{};
        const result<std::size_t> end = co_await input.read(buffer);
        BOOST_TEST(end.error() == make_error_code(errc::end_of_stream));
    };
    here.run(body());
}

BOOST_DATA_TEST_CASE(writes_all_bytes_however_slowly_they_are_taken, boost::unit_test::data::make(all_kinds), which)
{
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            stream_ends ends(which, false);
            standard_output output(ends.stream.descriptor());
            std::string text(300'000, '-');
            for (std::size_t i = 0; i < text.size(); ++i)
                text[i] = static_cast<char>('a' + i % 23);
            std::string got;
            scope readers;
            readers.spawn([&]() -> task<> {
                std::vector<std::byte> buffer(10'000);
                while (got.size() < text.size()) {
                    const result<std::size_t> count = co_await ends.other.read(buffer);
                    BOOST_TEST_REQUIRE(error_name(count.error()) == "");
                    got.append(reinterpret_cast<const char*>(buffer.data()), *count);
                }
            });
            const result<std::size_t> written = co_await output.write(text);
            BOOST_TEST(*written == text.size());
            co_await readers.join();
            BOOST_TEST((got == text));
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(writes_go_out_whole_and_in_order)
{
    const auto body = []() -> task<> {
        stream_ends ends(kind::pipe, false);
        standard_output output(ends.stream.descriptor());
        scope writers;
        for (int i = 0; i < 5; ++i)
            writers.spawn([&output, i]() -> task<> {
                const std::string text(100'000, static_cast<char>('a' + i));
                const result<std::size_t> written = co_await output.write(text);
                BOOST_TEST(*written == text.size());
            });
        std::string got;
        std::vector<std::byte> buffer(10'000);
        while (got.size() < 500'000) {
            const result<std::size_t> count = co_await ends.other.read(buffer);
            got.append(reinterpret_cast<const char*>(buffer.data()), *count);
        }
        co_await writers.join();
        std::string expected;
        for (int i = 0; i < 5; ++i)
            expected.append(100'000, static_cast<char>('a' + i));
        BOOST_TEST((got == expected));
    };
    here.run(body());
}

BOOST_DATA_TEST_CASE(a_write_that_is_stopped_midway_tells_how_much_was_taken, boost::unit_test::data::make(all_kinds),
                     which)
{
    const auto body = [&]() -> task<> {
        stream_ends ends(which, false);
        standard_output output(ends.stream.descriptor());
        const std::string text(1'000'000, 'x');
        const result<std::size_t> part = co_await with_timeout(5ms, output.write(text));
        BOOST_TEST_REQUIRE(error_name(part.error()) == "");
        BOOST_TEST(*part > 0U);
        BOOST_TEST(*part < text.size());
        const result<std::size_t> later =
            co_await with_timeout(2ms, output.write(text));  // a terminal may have made room
        BOOST_TEST((later || later.error() == errc::timed_out));
        const std::size_t all = *part + (later ? *later : 0);
        std::size_t got = 0;
        std::vector<std::byte> buffer(100'000);
        while (got < all) {
            const result<std::size_t> count = co_await ends.other.read(buffer);
            BOOST_TEST_REQUIRE(error_name(count.error()) == "");
            got += *count;
        }
        BOOST_TEST(got == all);
        const result<std::size_t> no_more = co_await with_timeout(2ms, ends.other.read(buffer));
        BOOST_TEST(no_more.error() == make_error_code(errc::timed_out));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_pipe_that_nobody_reads_is_an_error)
{
    const auto former = std::signal(SIGPIPE, SIG_IGN);
    const auto body = []() -> task<> {
        pipe_ends pipe = create_pipe().value();
        standard_output output(pipe.write_end.descriptor());
        pipe.read_end = file(-1);
        const result<std::size_t> refused = co_await output.write("text");
        BOOST_TEST(error_name(refused.error()) == "EPIPE");
    };
    here.run(body());
    std::signal(SIGPIPE, former);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(standard_streams_work_in_a_simulation_too)
{
    std::string got;
    const auto body = [&got]() -> task<> {
        stream_ends ends(kind::nonblocking_pipe, true);
        standard_input input(ends.stream.descriptor());
        standard_output output(ends.other.descriptor());
        scope writers;
        writers.spawn([&output]() -> task<> {
            const result<> slept = co_await sleep_for(1s);
            slept.value();
            const result<std::size_t> written = co_await output.write("text");
            BOOST_TEST(written.has_value());
        });
        const std::string read = co_await read_some(input);
        got = read;
        co_await writers.join();
    };
    simulation world;
    world.run(body());
    BOOST_TEST(got == "text");
}
