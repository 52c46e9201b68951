#include <coil/runtime/internal/operation.hpp>

#include "tests/support/process_counts.hpp"
#include "tests/support/waking_timer.hpp"

#include <coil/runtime/event.hpp>
#include <coil/runtime/internal/ring/ring.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::internal;
using namespace coil::test;
using namespace std::chrono_literals;

struct counted_memory final : operation_memory {
    explicit counted_memory(int& alive) : count(&alive) { ++*count; }
    ~counted_memory() override { --*count; }
    std::array<std::byte, 64> bytes{};
    int* count;
};

struct recorder final : completion_handler {
    void complete(const completion& what, operation_memory* with) noexcept override
    {
        results.push_back(what.result);
        memory = with;
        last = !what.more;
        if (what.has_buffer)
            buffers.push_back(what.buffer);
    }
    std::vector<int> results;
    std::vector<std::uint16_t> buffers;
    operation_memory* memory = nullptr;
    bool last = false;
};

/// Two connected sockets without a socket object.
struct ends {
    explicit ends(int type = SOCK_STREAM) { BOOST_REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds.data()) == 0); }
    ends(const ends&) = delete;
    ends& operator=(const ends&) = delete;
    ~ends()
    {
        ::close(fds[0]);
        ::close(fds[1]);
    }
    void write(const char* text, std::size_t size) const { BOOST_REQUIRE(::write(fds[1], text, size) == static_cast<ssize_t>(size)); }
    std::array<int, 2> fds{};
};

request receive_into(int fd, counted_memory& memory)
{
    return {.code = opcode::receive, .fd = fd, .address = memory.bytes.data(), .length = static_cast<std::uint32_t>(memory.bytes.size())};
}

task<> turns(int count)
{
    for (int i = 0; i < count; ++i) {
        const result<> slept = co_await sleep_for(200us);
        slept.value();
    }
}

/// Whether there is nothing to try, because the kernel takes no receive buffers from a pool.
bool has_no_pool(loop& here)
{
    BOOST_TEST(here.stats().receive_buffers_lent == 0U);
    return !here.capabilities().provided_buffers;
}

/// Whom a coroutine waits for.
struct announcer final : completion_handler {
    void complete(const completion& what, operation_memory*) noexcept override
    {
        result = what.result;
        told.set();
    }
    int result = 0;
    event told;
};

request quiet_send(int fd, std::span<const char> bytes)
{
    return {.code = opcode::send,
            .quiet = true,
            .fd = fd,
            .address = bytes.data(),
            .length = static_cast<std::uint32_t>(bytes.size()),
            .option = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL};
}

/// More quiet sends than the submission queue holds; somebody comes to wait for each of those that `needed` names.
task<> send_quietly(const ends& pair, std::size_t count, std::vector<std::size_t> needed)
{
    constexpr std::array letter{'x'};
    std::vector<announcer> handlers(count);
    std::vector<operation> sends(count);
    for (std::size_t i = 0; i < count; ++i)
        sends[i].start(quiet_send(pair.fds[0], letter), handlers[i]);
    for (const std::size_t each : needed) {
        sends[each].need_completion();
        const result<> told = co_await handlers[each].told.wait();
        BOOST_TEST(told.has_value());
        BOOST_TEST(handlers[each].result == 1);
        BOOST_TEST(!sends[each].pending());
        sends[each].need_completion();  // of nothing
    }
}

/// Whether `body` ends although nothing else wakes the loop.
bool ends_by_itself(loop& here, task<> body)
{
    const waking_timer timer;
    here.run(std::move(body));
    return !timer.was_needed();
}

BOOST_AUTO_TEST_SUITE(internal_operation_test)

BOOST_AUTO_TEST_CASE(its_memory_lives_until_the_last_completion)
{
    loop here;
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        const ends pair;
        int alive = 0;
        recorder handler;
        operation receiving;
        auto memory = std::make_unique<counted_memory>(alive);
        const request wanted = receive_into(pair.fds[0], *memory);
        receiving.start(wanted, handler, std::move(memory));
        BOOST_TEST(receiving.pending());
        co_await turns(1);
        BOOST_TEST(alive == 1);
        pair.write("hello", 5);
        co_await turns(2);
        BOOST_TEST(!receiving.pending());
        BOOST_TEST(handler.results == std::vector{5}, boost::test_tools::per_element());
        BOOST_TEST((handler.memory != nullptr));
        BOOST_TEST(alive == 0);
        BOOST_TEST(here.stats().operations == before.operations);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(cancelling_completes_it_once)
{
    loop here;
    const auto body = [&]() -> task<> {
        const ends pair;
        int alive = 0;
        recorder handler;
        operation receiving;
        auto memory = std::make_unique<counted_memory>(alive);
        const request wanted = receive_into(pair.fds[0], *memory);
        receiving.start(wanted, handler, std::move(memory));
        co_await turns(1);
        receiving.cancel();
        receiving.cancel();
        BOOST_TEST(handler.results.empty());
        co_await turns(2);
        BOOST_TEST(handler.results == std::vector{-ECANCELED}, boost::test_tools::per_element());
        BOOST_TEST(alive == 0);
        receiving.cancel();  // of nothing
        receiving.abandon();
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_completion_that_came_first_wins_over_the_cancel)
{
    loop here;
    const auto body = [&]() -> task<> {
        const ends pair;
        int alive = 0;
        recorder handler;
        operation receiving;
        auto memory = std::make_unique<counted_memory>(alive);
        const request wanted = receive_into(pair.fds[0], *memory);
        pair.write("first", 5);
        receiving.start(wanted, handler, std::move(memory));
        receiving.cancel();  // both leave in the same turn
        co_await turns(2);
        BOOST_TEST(handler.results == std::vector{5}, boost::test_tools::per_element());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_abandoned_operation_keeps_its_memory_until_the_kernel_lets_go)
{
    loop here;
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        const ends pair;
        int alive = 0;
        recorder handler;
        {
            operation receiving;
            auto memory = std::make_unique<counted_memory>(alive);
            const request wanted = receive_into(pair.fds[0], *memory);
            receiving.start(wanted, handler, std::move(memory));
            co_await turns(1);
        }
        BOOST_TEST(alive == 1);
        co_await turns(2);
        BOOST_TEST(alive == 0);
        BOOST_TEST(handler.results.empty());
        BOOST_TEST(here.stats().operations == before.operations);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_abandoned_receive_gives_its_buffers_back)
{
    loop here({.receive_buffers = 4});
    if (has_no_pool(here))
        return;
    const auto body = [&]() -> task<> {
        const ends pair;
        recorder handler;
        for (int round = 0; round < 20; ++round) {
            operation receiving;
            receiving.start({.code = opcode::receive_provided, .fd = pair.fds[0]}, handler);
            if (round % 2 == 0)
                co_await turns(1);
            pair.write("bytes", 5);
            receiving.abandon();
            co_await turns(2);
            BOOST_TEST(here.stats().receive_buffers_lent == 0U);
            BOOST_TEST(here.stats().operations == 1U);
        }
        BOOST_TEST(handler.results.empty());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_multishot_receive_lends_a_buffer_for_each_piece_and_starves_without)
{
    loop here({.receive_buffers = 4, .receive_buffer_size = 16});
    if (has_no_pool(here))
        return;
    const auto body = [&]() -> task<> {
        const ends pair(SOCK_SEQPACKET);
        recorder handler;
        operation receiving;
        receiving.start({.code = opcode::receive_provided, .fd = pair.fds[0]}, handler);
        co_await turns(1);
        for (int i = 0; i < 5; ++i)
            pair.write("piece", 5);
        co_await turns(3);
        BOOST_TEST(here.stats().receive_buffers_lent == 4U);
        BOOST_TEST(handler.buffers.size() == 4U);
        BOOST_TEST(handler.results.back() == -ENOBUFS);
        BOOST_TEST(handler.last);
        BOOST_TEST(!receiving.pending());
        for (std::uint16_t each : handler.buffers) {
            BOOST_TEST((here.ring().buffer(each)[0] == std::byte{'p'}));
            here.ring().return_buffer(each);
        }
        BOOST_TEST(here.stats().receive_buffers_lent == 0U);
        receiving.start({.code = opcode::receive_provided, .fd = pair.fds[0]}, handler);
        co_await turns(2);
        BOOST_TEST(handler.buffers.size() == 5U);
        here.ring().return_buffer(handler.buffers.back());
        receiving.abandon();
        co_await turns(2);
    };
    here.run(body());
    BOOST_TEST(here.stats().operations == 1U);
}

BOOST_AUTO_TEST_CASE(connections_that_nobody_waits_for_are_closed)
{
    loop here;
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            sockaddr_in where{};
            where.sin_family = AF_INET;
            where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            socklen_t size = sizeof where;
            BOOST_REQUIRE(::bind(listening, reinterpret_cast<sockaddr*>(&where), size) == 0);
            BOOST_REQUIRE(::listen(listening, 16) == 0);
            BOOST_REQUIRE(::getsockname(listening, reinterpret_cast<sockaddr*>(&where), &size) == 0);
            std::vector<int> clients;
            for (int i = 0; i < 8; ++i) {
                clients.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
                BOOST_REQUIRE(::connect(clients.back(), reinterpret_cast<const sockaddr*>(&where), size) == 0);
            }
            recorder handler;
            {
                operation accepting;
                accepting.start({.code = opcode::accept, .fd = listening}, handler);
            }
            co_await turns(3);
            for (int each : clients)
                ::close(each);
            ::close(listening);
            BOOST_TEST(handler.results.empty());
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_request_for_a_closed_descriptor_does_not_reach_its_successor)
{
    loop here;
    const auto body = [&]() -> task<> {
        recorder handler;
        const ends pair;
        const int number = pair.fds[0];
        operation receiving;
        receiving.start({.code = opcode::receive_provided, .fd = number}, handler);
        // It has not gone to the kernel. Its descriptor closes and the number is used again.
        receiving.abandon();
        loop::close(number);
        std::array<int, 2> next{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, next.data()) == 0);
        BOOST_REQUIRE(next[0] == number);
        BOOST_REQUIRE(::write(next[1], "mine", 4) == 4);
        co_await turns(2);
        std::array<char, 8> buffer{};
        BOOST_TEST(::recv(next[0], buffer.data(), buffer.size(), MSG_DONTWAIT) == 4);
        ::close(next[1]);
        // next[0] is closed as the first end of the pair.
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_quiet_send_that_waited_in_the_backlog_is_told_to_who_waits_for_it, *boost::unit_test::label("F-03"))
{
    loop here({.submission_entries = 2});
    const ends pair;
    BOOST_TEST(ends_by_itself(here, send_quietly(pair, 40, {39})));
    BOOST_TEST(ends_by_itself(here, send_quietly(pair, 40, {0, 1, 2, 20, 38, 39})));
    BOOST_TEST(here.stats().backlogged >= 76U);
}

BOOST_AUTO_TEST_CASE(a_quiet_send_that_is_with_the_kernel_is_told_to_who_waits_for_it, *boost::unit_test::label("F-03"))
{
    loop here;
    const ends pair;
    BOOST_TEST(ends_by_itself(here, send_quietly(pair, 1, {0})));
    BOOST_TEST(ends_by_itself(here, send_quietly(pair, 40, {39})));
    BOOST_TEST(ends_by_itself(here, send_quietly(pair, 40, {0, 39})));
}

BOOST_AUTO_TEST_CASE(a_quiet_send_that_nobody_waits_for_ends_no_sleep)
{
    loop here;
    const auto body = [&]() -> task<> {
        constexpr std::array letter{'x'};
        const ends pair;
        announcer handler;
        operation sending;
        co_await turns(1);
        const auto before = here.stats().turns;
        sending.start(quiet_send(pair.fds[0], letter), handler);
        co_await turns(1);
        BOOST_TEST(!sending.pending());
        BOOST_TEST(handler.result == 1);
        BOOST_TEST(here.stats().turns - before == (here.capabilities().quiet_sends ? 1U : 2U));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_quiet_send_that_fails_or_sends_a_part_is_told_at_once)
{
    loop here;
    const auto body = [&]() -> task<> {
        const std::vector<char> much(1 << 20);
        const ends pair;
        for (const bool fails : {false, true}) {
            announcer handler;
            operation sending;
            sending.start(quiet_send(pair.fds[0], much), handler);
            const result<> told = co_await handler.told.wait();
            BOOST_TEST(told.has_value());
            BOOST_TEST(handler.result < static_cast<int>(much.size()));
            BOOST_TEST((handler.result == -EAGAIN) == fails);
        }
    };
    BOOST_TEST(ends_by_itself(here, body()));
}

BOOST_AUTO_TEST_CASE(a_quiet_send_that_goes_away_leaves_nothing_to_wait_for)
{
    loop here({.submission_entries = 2});
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        const ends pair;
        {
            constexpr std::array letter{'x'};
            std::vector<announcer> handlers(8);
            std::vector<operation> sends(8);
            for (std::size_t i = 0; i < sends.size(); ++i) {
                sends[i].start(quiet_send(pair.fds[0], letter), handlers[i]);
                if (i % 2 == 0)
                    sends[i].need_completion();
            }
        }
        co_await turns(2);
        BOOST_TEST(here.stats().operations == before.operations);
        const auto settled = here.stats().turns;
        co_await turns(1);
        BOOST_TEST(here.stats().turns - settled == 1U);  // it sleeps again
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(nodes_are_used_again_and_late_completions_do_not_reach_the_next_owner)
{
    loop here;
    const auto body = [&]() -> task<> {
        const ends pair;
        for (int round = 0; round < 200; ++round) {
            int alive = 0;
            recorder first;
            recorder second;
            operation abandoned;
            auto memory = std::make_unique<counted_memory>(alive);
            request wanted = receive_into(pair.fds[0], *memory);
            abandoned.start(wanted, first, std::move(memory));
            if (round % 3 == 0)
                co_await turns(1);
            abandoned.abandon();
            operation next;
            auto more = std::make_unique<counted_memory>(alive);
            wanted = receive_into(pair.fds[0], *more);
            next.start(wanted, second, std::move(more));
            co_await turns(1);
            pair.write("x", 1);
            co_await turns(1);
            BOOST_TEST(first.results.empty());
            BOOST_TEST(second.results == std::vector{1}, boost::test_tools::per_element());
            BOOST_TEST(alive == 0);
        }
    };
    here.run(body());
    BOOST_TEST(here.stats().operations == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
