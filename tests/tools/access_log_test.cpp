#include "tools/coil/access_log.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <unistd.h>

using namespace coil;
using namespace std::chrono_literals;

namespace {

/// A log whose reader reads when it wants to.
struct piped_log {
    piped_log()
    {
        std::signal(SIGPIPE, SIG_IGN);
        BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        ::fcntl(ends[1], F_SETPIPE_SZ, 4096);
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    }
    ~piped_log()
    {
        for (const int end : ends)
            if (end >= 0)
                ::close(end);
    }

    void leave()
    {
        ::close(ends[0]);
        ends[0] = -1;
    }

    /// Reads until a line ends in `last`.
    task<std::string> read_until(std::string last)
    {
        std::string text;
        std::array<char, 4096> buffer{};
        last += '\n';
        for (int i = 0; i < 10'000 && text.find(last) == std::string::npos; ++i) {
            const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
            if (count > 0) {
                text.append(buffer.data(), static_cast<std::size_t>(count));
                continue;
            }
            const result<> passed = co_await sleep_for(1ms);
            BOOST_REQUIRE(passed.has_value());
        }
        co_return text;
    }

    std::array<int, 2> ends{-1, -1};
    coil::loop loop;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(access_log_test, piped_log)

BOOST_AUTO_TEST_CASE(a_log_goes_on_with_its_reader_and_says_how_many_lines_are_missing,
                     *boost::unit_test::label("F-09"))
{
    constexpr int lines = 3000;
    const auto body = [&]() -> task<> {
        scope writers;
        command::access_log log(writers, true, ends[1]);
        const std::string filling(1000, '.');
        for (int i = 0; i < lines; ++i)
            log.add("line " + std::to_string(i) + filling);
        const result<> stalled = co_await sleep_for(1100ms);  // longer than one write may take
        BOOST_TEST(stalled.has_value());
        const std::string text = co_await read_until("in time");
        const std::size_t shown = static_cast<std::size_t>(std::ranges::count(text, '\n')) - 1;
        BOOST_TEST(shown > 1000U);
        BOOST_TEST(shown < static_cast<std::size_t>(lines));
        const std::string missing = std::to_string(lines - shown) + " lines were dropped";
        BOOST_TEST((text.find(missing) != std::string::npos), text.substr(text.size() - 100) << missing);
        log.add("after it");
        const std::string rest = co_await read_until("after it");
        BOOST_TEST((rest.find("after it") != std::string::npos));
        co_await writers.join();
    };
    loop.run(body());
}

BOOST_AUTO_TEST_CASE(a_log_that_nobody_reads_does_not_hold_up_the_end)
{
    const auto body = [&]() -> task<> {
        scope writers;
        command::access_log log(writers, true, ends[1]);
        for (int i = 0; i < 100; ++i)
            log.add(std::string(1000, '.'));
        const result<> passed = co_await sleep_for(1ms);
        BOOST_TEST(passed.has_value());
        log.finish();
        co_await writers.join();
        BOOST_TEST(!log.on());
    };
    loop.run(body());
}

BOOST_AUTO_TEST_CASE(a_disk_that_is_full_does_not_end_the_log, *boost::unit_test::label("F-09"))
{
    const auto body = [&]() -> task<> {
        scope writers;
        const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
        command::access_log log(writers, true, full);
        ::close(full);  // the log has a descriptor of its own
        log.add("into the void");
        co_await writers.join();
        BOOST_TEST(log.on());
        log.add("once more");
        co_await writers.join();
        BOOST_TEST(log.on());
    };
    loop.run(body());
}

BOOST_AUTO_TEST_CASE(a_log_whose_reader_has_left_is_off)
{
    const auto body = [&]() -> task<> {
        scope writers;
        command::access_log log(writers, true, ends[1]);
        leave();
        log.add("nobody there");
        co_await writers.join();
        BOOST_TEST(!log.on());
    };
    loop.run(body());
}

BOOST_AUTO_TEST_SUITE_END()
