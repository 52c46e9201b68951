// How connections end: who sees an orderly end and who a reset, and what becomes of those who wait.

#include <coil/net/socket.hpp>

#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

const std::array<wire, 4> wires{wire::pair, wire::tcp, wire::tcp_v6, wire::unix_path};

/// Reads once. @return the text, or the name of the error.
task<std::string> read_once(net::socket& from, std::size_t most = 1024)
{
    std::vector<std::byte> buffer(most);
    const result<std::size_t> count = co_await from.read(buffer);
    if (!count)
        co_return "error " + error_name(count.error());
    co_return text_of(std::span(buffer).first(*count));
}

/// Writes, says that this is all, and does not wait until it has left.
task<> write_and_forget(net::socket to, std::uint64_t size)
{
    co_await write_pattern(to, size, 70'000);
    auto ending = with_timeout(0ns, to.end());
    static_cast<void>(co_await ending);
}

/// Writes and is gone, without a word about the end.
task<> write_and_vanish(net::socket to, std::string text)
{
    const result<std::size_t> written = co_await to.write(bytes_of(text));
    BOOST_TEST(written.has_value());
}

/// What a peer that is cut off reads behind what was sent. A Unix socket knows no reset.
std::string cut_off(wire kind)
{
    return kind == wire::tcp || kind == wire::tcp_v6 ? "error ECONNRESET" : "error EOF";
}

task<> pause(std::chrono::nanoseconds time = 2ms)
{
    const result<> slept = co_await sleep_for(time);
    slept.value();
}

template <class F>
void run(F body)
{
    loop here;
    const auto outer = [&]() -> task<> {
        const process_counts before = process_counts::now();
        co_await body();
        co_await counts_return_to(before);
    };
    here.run(outer());
}

BOOST_AUTO_TEST_SUITE(endings_test)

BOOST_TEST_DECORATOR(*boost::unit_test::label("NET-01 NET-29"))
BOOST_DATA_TEST_CASE(ending_one_side_leaves_the_other_open_where_that_is_allowed, boost::unit_test::data::make(wires),
                     kind)
{
    run([kind]() -> task<> {
        socket_pair pair(kind, {.allow_half_open = true});
        const result<std::size_t> written = co_await pair.near.write(bytes_of("question"));
        BOOST_TEST(written.has_value());
        const result<> ended = co_await pair.near.end();
        BOOST_TEST(ended.has_value());
        const std::string question = co_await read_once(pair.far);
        BOOST_TEST(question == "question");
        for (int i = 0; i < 3; ++i) {
            const std::string end = co_await read_once(pair.far);
            BOOST_TEST(end == "error EOF");
        }
        const result<std::size_t> answered = co_await pair.far.write(bytes_of("answer"));
        BOOST_TEST(answered.has_value());
        const std::string answer = co_await read_once(pair.near);
        BOOST_TEST(answer == "answer");
        const result<std::size_t> late = co_await pair.near.write(bytes_of("late"));
        BOOST_TEST(late.error() == make_error_code(errc::write_after_end));
        const result<> again = co_await pair.near.end();
        BOOST_TEST(again.has_value());
    });
}

BOOST_TEST_DECORATOR(*boost::unit_test::label("NET-01 B-071"))
BOOST_DATA_TEST_CASE(reading_the_peers_end_ends_this_side_too, boost::unit_test::data::make(wires), kind)
{
    run([kind]() -> task<> {
        socket_pair pair(kind);
        const result<> ended = co_await pair.near.end();
        BOOST_TEST(ended.has_value());
        const result<std::size_t> before = co_await pair.far.write(bytes_of("written before"));
        BOOST_TEST(before.has_value());
        const std::string end = co_await read_once(pair.far);
        BOOST_TEST(end == "error EOF");
        const result<std::size_t> late = co_await pair.far.write(bytes_of("late"));
        BOOST_TEST(late.error() == make_error_code(errc::write_after_end));
        const std::string whole = co_await read_once(pair.near);
        BOOST_TEST(whole == "written before");
        const std::string answered = co_await read_once(pair.near);
        BOOST_TEST(answered == "error EOF");
    });
}

/// Writes more than fits until that is given up.
task<> write_in_vain(net::socket& to)
{
    const std::vector<std::byte> much(8'000'000);
    auto limited = with_timeout(5ms, to.write(much));
    const result<std::size_t> written = co_await limited;
    BOOST_TEST((!written || *written < much.size()));
}

BOOST_AUTO_TEST_CASE(no_end_answers_the_peers_where_a_write_was_given_up, *boost::unit_test::label("F-01"))
{
    run([]() -> task<> {
        socket_pair pair(wire::tcp);
        const result<> ended = co_await pair.near.end();
        BOOST_TEST(ended.has_value());
        co_await write_in_vain(pair.far);
        const std::string end = co_await read_once(pair.far);
        BOOST_TEST(end == "error EOF");
        { const net::socket gone = std::move(pair.far); }
        std::string last;
        while (!last.starts_with("error"))
            last = co_await read_once(pair.near, 100'000);
        BOOST_TEST(last == "error ECONNRESET");
    });
}

BOOST_AUTO_TEST_CASE(a_write_that_succeeds_makes_good_for_one_that_was_given_up, *boost::unit_test::label("F-01"))
{
    run([]() -> task<> {
        socket_pair pair(wire::tcp);
        const result<> ended = co_await pair.near.end();
        BOOST_TEST(ended.has_value());
        co_await write_in_vain(pair.far);
        scope reading;
        std::string last;
        const auto read_all = [&]() -> task<> {
            while (!last.starts_with("error"))
                last = co_await read_once(pair.near, 100'000);
        };
        reading.spawn(read_all());
        const result<std::size_t> rest = co_await pair.far.write(bytes_of("the rest"));
        BOOST_TEST(rest.has_value());
        const std::string end = co_await read_once(pair.far);
        BOOST_TEST(end == "error EOF");
        { const net::socket gone = std::move(pair.far); }
        co_await reading.join();
        BOOST_TEST(last == "error EOF");
    });
}

BOOST_AUTO_TEST_CASE(the_end_that_answers_the_peers_waits_for_the_write_that_waits)
{
    run([]() -> task<> {
        socket_pair pair;
        constexpr std::size_t size = 4'000'000;
        const result<> ended = co_await pair.near.end();
        BOOST_TEST(ended.has_value());
        scope writers;
        writers.spawn([&pair]() -> task<> { co_await write_pattern(pair.far, size, size); });
        co_await pause();
        const std::string end = co_await read_once(pair.far);
        BOOST_TEST(end == "error EOF");
        co_await read_pattern(pair.near, size, 100'000);
        co_await writers.join();
    });
}

BOOST_TEST_DECORATOR(*boost::unit_test::label("F-01"))
BOOST_DATA_TEST_CASE(a_socket_that_goes_without_an_end_is_cut_off, boost::unit_test::data::make(wires), kind)
{
    run([kind]() -> task<> {
        socket_pair pair(kind);
        co_await write_and_vanish(std::move(pair.near), "half of it");
        const std::string half = co_await read_once(pair.far);
        BOOST_TEST(half == "half of it");
        const std::string after = co_await read_once(pair.far);
        BOOST_TEST(after == cut_off(kind));
    });
}

BOOST_AUTO_TEST_CASE(what_a_socket_that_is_cut_off_has_accepted_may_still_leave, *boost::unit_test::label("F-01"))
{
    run([]() -> task<> {
        socket_pair pair;
        std::size_t accepted = 0;
        {
            net::socket near = std::move(pair.near);
            const std::vector<std::byte> much(16'000'000);
            const result<std::size_t> some = co_await with_timeout(20ms, near.write(much));
            accepted = some ? *some : 0;
        }
        BOOST_TEST(accepted > 0U);
        std::vector<std::byte> buffer(100'000);
        std::size_t total = 0;
        std::error_code why;
        while (!why) {
            const result<std::size_t> count = co_await pair.far.read(buffer);
            why = count.error();
            total += count ? *count : 0;
        }
        BOOST_TEST(why == make_error_code(errc::reset));
        BOOST_TEST(total <= accepted);
    });
}

BOOST_AUTO_TEST_CASE(a_write_that_is_given_up_before_an_end_that_waits_leaves_no_orderly_end,
                     *boost::unit_test::label("F-01"))
{
    run([]() -> task<> {
        socket_pair pair;
        scope ending;
        {
            scope writers;
            writers.spawn([&pair]() -> task<> {
                const std::vector<std::byte> much(16'000'000);
                static_cast<void>(co_await pair.near.write(much));
            });
            co_await pause();
            ending.spawn([&pair]() -> task<> {
                const result<> ended = co_await pair.near.end();
                BOOST_TEST(ended.error() == make_error_code(errc::canceled));
            });
            co_await pause();
        }
        co_await ending.join();
        pair.near.destroy();
        std::vector<std::byte> buffer(100'000);
        std::error_code why;
        while (!why) {
            const result<std::size_t> count = co_await pair.far.read(buffer);
            why = count.error();
        }
        BOOST_TEST(why == make_error_code(errc::reset));
    });
}

BOOST_AUTO_TEST_CASE(writes_and_the_end_queue_in_the_order_in_which_they_came, *boost::unit_test::label("F-11"))
{
    run([]() -> task<> {
        socket_pair pair;
        constexpr std::size_t writers = 4;
        constexpr std::size_t size = 1'000'000;
        scope all;
        std::string done;
        for (std::size_t i = 0; i < writers; ++i) {
            all.spawn([&pair, &done, i]() -> task<> {
                const char letter = static_cast<char>('a' + i);
                const std::vector<std::byte> much(size, static_cast<std::byte>(letter));
                const result<std::size_t> written = co_await pair.near.write(much);
                BOOST_TEST((written && *written == size));
                done += letter;
            });
        }
        all.spawn([&pair, &done]() -> task<> {
            const result<> ended = co_await pair.near.end();
            BOOST_TEST(ended.has_value());
            done += '.';
        });
        co_await pause();
        const result<std::size_t> late = co_await pair.near.write(bytes_of("x"));
        BOOST_TEST(late.error() == make_error_code(errc::write_after_end));
        std::vector<std::byte> buffer(100'000);
        std::string got;
        while (true) {
            const result<std::size_t> count = co_await pair.far.read(buffer);
            if (!count) {
                BOOST_TEST(count.error() == make_error_code(errc::end_of_stream));
                break;
            }
            got += text_of(std::span(buffer).first(*count));
        }
        std::string expected;
        for (std::size_t i = 0; i < writers; ++i)
            expected.append(size, static_cast<char>('a' + i));
        BOOST_TEST((got == expected));
        co_await all.join();
        BOOST_TEST(done == "abcd.");
    });
}

BOOST_AUTO_TEST_CASE(a_wait_that_begins_when_its_socket_is_gone_is_told_so, *boost::unit_test::label("F-32"))
{
    run([]() -> task<> {
        socket_pair pair;
        std::optional<net::socket> near(std::move(pair.near));
        std::array<std::byte, 10> buffer{};
        auto reading = near->read(buffer);
        auto writing = near->write(bytes_of("x"));
        auto ending = near->end();
        near.reset();
        const result<std::size_t> read = co_await reading;
        BOOST_TEST(read.error() == make_error_code(errc::destroyed));
        const result<std::size_t> written = co_await writing;
        BOOST_TEST(written.error() == make_error_code(errc::destroyed));
        const result<> ended = co_await ending;
        BOOST_TEST(ended.error() == make_error_code(errc::destroyed));
    });
}

BOOST_AUTO_TEST_CASE(a_socket_may_outlive_its_loop, *boost::unit_test::label("F-33"))
{
    const std::array<int, 2> ends = connected_descriptors(wire::tcp);
    std::optional<net::socket> kept;
    {
        loop here;
        const auto body = [&]() -> task<> {
            kept.emplace(ends[0]);
            const result<std::size_t> written = co_await kept->write(bytes_of("hello"));
            BOOST_TEST(written.has_value());
            std::array<std::byte, 10> buffer{};
            const result<std::size_t> none = co_await with_timeout(1ms, kept->read(buffer));
            BOOST_TEST(!none.has_value());
            BOOST_REQUIRE(::write(ends[1], "unread", 6) == 6);
            co_await pause();
        };
        here.run(body());
    }
    BOOST_TEST(!kept->remote_address().has_value());
    BOOST_TEST(!kept->set_no_delay().has_value());
    kept.reset();
    std::array<char, 16> buffer{};
    BOOST_TEST(::recv(ends[1], buffer.data(), buffer.size(), 0) == 5);
    BOOST_TEST(::recv(ends[1], buffer.data(), buffer.size(), 0) < 0);
    ::close(ends[1]);
}

BOOST_DATA_TEST_CASE(what_was_written_and_ended_arrives_though_the_socket_is_gone, boost::unit_test::data::make(wires),
                     kind)
{
    run([kind]() -> task<> {
        socket_pair pair(kind);
        constexpr std::size_t size = 4'000'000;
        scope writers;
        writers.spawn(write_and_forget(std::move(pair.near), size));
        co_await pause();
        co_await read_pattern(pair.far, size, 10'000);
        co_await writers.join();
    });
}

BOOST_AUTO_TEST_CASE(what_was_written_arrives_though_the_peer_wrote_too)
{
    run([]() -> task<> {
        socket_pair pair;
        {
            net::socket near = std::move(pair.near);
            const result<std::size_t> noise = co_await pair.far.write(bytes_of("nobody reads this"));
            BOOST_TEST(noise.has_value());
            co_await pause();
            const result<std::size_t> written = co_await near.write(bytes_of("goodbye"));
            BOOST_TEST(written.has_value());
            const result<> ended = co_await near.end();
            BOOST_TEST(ended.has_value());
        }
        co_await pause();
        const result<std::size_t> more = co_await pair.far.write(bytes_of("nor this"));
        BOOST_TEST(more.has_value());
        const std::string goodbye = co_await read_once(pair.far);
        BOOST_TEST(goodbye == "goodbye");
        const std::string end = co_await read_once(pair.far);
        BOOST_TEST(end == "error EOF");
    });
}

BOOST_AUTO_TEST_CASE(the_end_of_run_waits_for_what_was_written)
{
    const std::array<int, 2> ends = connected_descriptors(wire::tcp);
    {
        loop here;
        const auto body = [&]() -> task<> {
            net::socket near(ends[0]);
            const result<std::size_t> written = co_await near.write(bytes_of("last words"));
            BOOST_TEST(written.has_value());
        };
        here.run(body());
    }
    std::array<char, 64> buffer{};
    BOOST_TEST(::recv(ends[1], buffer.data(), buffer.size(), MSG_WAITALL) == 10);
    ::close(ends[1]);
}

BOOST_AUTO_TEST_CASE(destroying_drops_what_was_not_sent, *boost::unit_test::label("NET-33"))
{
    run([]() -> task<> {
        socket_pair pair;
        constexpr std::size_t size = 16'000'000;
        scope writers;
        writers.spawn([&pair]() -> task<> {
            const std::vector<std::byte> much(size);
            const result<std::size_t> written = co_await pair.near.write(much);
            BOOST_TEST(written.error() == make_error_code(errc::destroyed));
        });
        co_await pause();
        pair.near.destroy();
        BOOST_TEST(!pair.near.connected());
        co_await writers.join();
        std::vector<std::byte> buffer(100'000);
        std::size_t total = 0;
        while (true) {
            const result<std::size_t> count = co_await pair.far.read(buffer);
            if (!count)
                break;
            total += *count;
        }
        BOOST_TEST(total > 0U);
        BOOST_TEST(total < size);
        const std::string gone = co_await read_once(pair.near);
        BOOST_TEST(gone == "error ERR_STREAM_DESTROYED");
        pair.near.destroy();
    });
}

BOOST_AUTO_TEST_CASE(destroying_ends_a_pending_read)
{
    run([]() -> task<> {
        socket_pair pair;
        scope readers;
        readers.spawn([&pair]() -> task<> {
            const std::string gone = co_await read_once(pair.near);
            BOOST_TEST(gone == "error ERR_STREAM_DESTROYED");
        });
        co_await pause();
        pair.near.destroy();
        co_await readers.join();
        const std::string end = co_await read_once(pair.far);
        BOOST_TEST(end == "error ECONNRESET");
    });
}

BOOST_AUTO_TEST_CASE(the_limit_bounds_descriptors_and_what_retires_makes_room, *boost::unit_test::label("F-23"))
{
    run([]() -> task<> {
        int dropped = 0;
        net::server server = net::create_server({.max_connections = 2}, [](net::socket socket) -> task<> {
            const result<std::size_t> written = co_await socket.write(bytes_of("goodbye"));
            BOOST_TEST(written.has_value());
            const result<> ended = co_await socket.end();
            BOOST_TEST(ended.has_value());
        });
        server.on_drop([&dropped] { ++dropped; });
        server.listen({.host = "127.0.0.1"}).value();
        const std::size_t before = open_descriptors();
        std::vector<net::socket> clients;  // none of them ends, so that the server's side lingers
        for (int i = 0; i < 20; ++i) {
            const net::connect_options options{
                .allow_half_open = true, .host = "127.0.0.1", .port = server.address()->port()};
            clients.push_back(net::connect(options));
            const result<> connected = co_await clients.back().connect();
            BOOST_REQUIRE(connected.has_value());
            std::array<std::byte, 32> buffer{};
            const result<std::size_t> count = co_await clients.back().read(buffer);
            BOOST_TEST(count.has_value());
            const result<std::size_t> end = co_await clients.back().read(buffer);
            BOOST_TEST(end.error() == make_error_code(errc::end_of_stream));
            BOOST_TEST(open_descriptors() <= before + clients.size() + 2);
        }
        BOOST_TEST(dropped == 0);
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
