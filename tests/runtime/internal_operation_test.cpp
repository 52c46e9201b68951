#include <coil/runtime/internal/operation.hpp>

#include "tests/support/process_counts.hpp"

#include <coil/runtime/internal/ring.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
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
        here.ring().close(number);
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
