#include <coil/runtime/internal/ring/epoll_ring.hpp>

#include "tests/support/ring_under_test.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::internal;
using namespace coil::test;
using namespace std::chrono_literals;

struct ring_fixture {
    ring_under_test ring{backend::epoll};
};

BOOST_FIXTURE_TEST_SUITE(internal_epoll_ring_test, ring_fixture)

BOOST_AUTO_TEST_CASE(says_what_it_is)
{
    ring_under_test named(backend::epoll, {.reason = "a test"});
    const capabilities& can = named->supported();
    BOOST_TEST((can.backend == backend::epoll));
    BOOST_TEST(can.to_string() == "epoll (a test), 256 receive buffers");
    BOOST_TEST(can.provided_buffers);
    BOOST_TEST(can.multishot_accept);
    BOOST_TEST(can.multishot_receive);
    BOOST_TEST(!can.messages);
    BOOST_TEST(named->descriptor() == -1);
    BOOST_TEST(named->buffer_size() == 4160U);
    BOOST_CHECK_THROW(make_epoll_ring({.submission_entries = 0}), std::system_error);
}

BOOST_AUTO_TEST_CASE(a_busy_descriptor_leaves_the_others_their_turn)
{
    two_descriptors busy = tcp_pair();
    two_descriptors calm = tcp_pair();
    busy.write(1, std::string(64 * 7, 'b'));
    calm.write(1, "calm");
    ring.ask({.code = opcode::receive_provided, .fd = busy[0], .user_data = 1});
    ring.ask({.code = opcode::receive_provided, .fd = calm[0], .user_data = 2});
    ring->enter(0ns);
    completion what;
    std::array<int, 3> counts{};
    while (ring->next(what)) {
        ++counts[what.user_data];
        ring->return_buffer(what.buffer);
    }
    BOOST_TEST(counts[1] == 4);
    BOOST_TEST(counts[2] == 1);
    BOOST_TEST(ring->has_news());
    ring->enter(std::nullopt);  // and does not sleep on the rest
    while (ring->next(what)) {
        ++counts[what.user_data];
        ring->return_buffer(what.buffer);
    }
    BOOST_TEST(counts[1] == 7);
    BOOST_TEST(ring->buffers_lent() == 0U);
    ring->forget(busy[0]);
    ring->forget(calm[0]);
}

BOOST_AUTO_TEST_CASE(buffers_that_are_on_their_way_are_waited_for)
{
    ring_under_test few(backend::epoll, {.receive_buffers = 2, .receive_buffer_size = 64});
    two_descriptors pair = tcp_pair();
    const std::string text(64 * 9, 't');
    pair.write(1, text);
    few.ask({.code = opcode::receive_provided, .fd = pair[0], .user_data = 1});
    std::size_t got = 0;
    while (got < text.size())
        got += few.text_of(few.wait_for(1)).size();
    BOOST_TEST(few.count(1) == 0U);
    BOOST_TEST(few->counts().most_buffers_lent <= 2U);
    few->forget(pair[0]);
}

BOOST_AUTO_TEST_CASE(what_comes_for_nobody_ends_no_sleep_and_is_not_lost)
{
    two_descriptors pair = tcp_pair();
    std::string room(64, ' ');
    ring.ask(receive_request(pair[0], room, 1));
    ring.turn();
    ring.ask({.code = opcode::cancel, .offset = 1, .user_data = 100});
    ring.settle();
    BOOST_TEST(ring.wait_for(1).result == -ECANCELED);
    pair.write(1, "unread");
    const auto began = std::chrono::steady_clock::now();
    ring->enter(10ms);
    BOOST_TEST((std::chrono::steady_clock::now() - began >= 10ms));
    BOOST_TEST(ring.result_of(receive_request(pair[0], room, 0)) == 6);
    pair.write(1, "again");
    BOOST_TEST(ring.result_of(receive_request(pair[0], room, 0)) == 5);
    ring->forget(pair[0]);
}

BOOST_AUTO_TEST_CASE(what_came_since_the_last_event_comes_before_a_cancel)
{
    two_descriptors pair = tcp_pair();
    std::string room(64, ' ');
    for (std::uint64_t round = 1; round <= 5; ++round) {
        ring.ask(receive_request(pair[0], room, round));
        if (round % 2)
            ring.turn();
        pair.write(1, "bytes");
        BOOST_TEST(ring.wait_for(round).result == 5);
    }
    pair.write(1, "last");
    ring.ask(receive_request(pair[0], room, 10));
    ring.ask({.code = opcode::cancel, .offset = 10, .user_data = 100});
    BOOST_TEST(ring.wait_for(10).result == 4);
    BOOST_TEST(ring.wait_for(100).result == -ENOENT);
    ring->forget(pair[0]);
}

BOOST_AUTO_TEST_CASE(forgetting_a_descriptor_ends_what_is_pending_on_it)
{
    two_descriptors pair = unix_pair();
    std::string room(64, ' ');
    ring.ask(receive_request(pair[0], room, 1));
    ring.ask({.code = opcode::poll, .fd = pair[0], .option = POLLIN, .user_data = 2});
    ring.turn();
    ring.ask({.code = opcode::receive_provided, .fd = pair[0], .user_data = 3});  // still queued
    ring.ask(send_request(pair[0], "before", 4));
    ring->forget(pair[0]);
    std::array<char, 16> got{};
    BOOST_TEST(::recv(pair[1], got.data(), got.size(), MSG_DONTWAIT) == 6);
    for (const std::uint64_t each : {1U, 2U, 3U})
        BOOST_TEST(ring.wait_for(each).result == -ECANCELED);
    BOOST_TEST(ring.wait_for(4).result == 6);
    ring->forget(pair[0]);
    ring->forget(-1);
    ring->forget(100'000);
}

BOOST_AUTO_TEST_CASE(a_number_that_is_used_again_brings_what_is_its_own)
{
    std::string room(64, ' ');
    for (const bool told : {true, false}) {
        two_descriptors first = unix_pair();
        const int number = first[0];
        ring.ask(receive_request(number, room, 1));
        ring.turn();
        first.write(1, "one");
        BOOST_TEST(ring.wait_for(1).result == 3);
        first.write(1, "an event that nobody takes");
        const int copy = ::dup(number);  // keeps the file open
        if (told)
            ring->forget(number);
        first.close(0);
        two_descriptors second = unix_pair();
        BOOST_REQUIRE(second[0] == number);
        ring.ask(receive_request(number, room, 2));
        ring.settle();
        BOOST_TEST(ring.count(2) == 0U);
        second.write(1, "two");
        BOOST_TEST(ring.wait_for(2).result == 3);
        BOOST_TEST(room.substr(0, 3) == "two");
        ring.ask(receive_request(number, room, 3));
        ring.turn();
        first.write(1, "more of the first");
        ring.settle();
        BOOST_TEST(ring.count(3) == 0U);
        second.write(1, "three");
        BOOST_TEST(ring.wait_for(3).result == 5);
        ring->forget(number);
        ::close(copy);
    }
}

BOOST_AUTO_TEST_CASE(closing_through_the_ring_forgets)
{
    two_descriptors pair = unix_pair();
    std::string room(64, ' ');
    const int number = ::dup(pair[0]);
    ring.ask(receive_request(number, room, 1));
    ring.turn();
    BOOST_TEST(ring.result_of({.code = opcode::close, .fd = number}) == 0);
    BOOST_TEST(ring.wait_for(1).result == -ECANCELED);
    pair.write(1, "for the other");
    ring.ask(receive_request(pair[0], room, 2));
    BOOST_TEST(ring.wait_for(2).result == 13);
    ring->forget(pair[0]);
}

BOOST_AUTO_TEST_CASE(an_accept_without_a_descriptor_left_ends_and_loses_no_connection)
{
    const tcp_listener listening;
    const int client = listening.connect();
    rlimit before{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    ring.ask({.code = opcode::accept, .fd = listening.fd, .user_data = 1});
    const completion refused = ring.wait_for(1);
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    BOOST_TEST(refused.result == -EMFILE);
    BOOST_TEST(!refused.more);
    ring.ask({.code = opcode::accept, .fd = listening.fd, .user_data = 2});
    const completion taken = ring.wait_for(2);
    BOOST_TEST(taken.result >= 0);
    ::close(taken.result);
    ::close(client);
    ring->forget(listening.fd);
}

BOOST_AUTO_TEST_CASE(any_user_data_will_do)
{
    two_descriptors pair = unix_pair(SOCK_SEQPACKET);
    const std::array<std::uint64_t, 6> numbers{1, std::uint64_t{5} << 32 | 1, ~std::uint64_t{0}, 0, 1U << 30, 77};
    std::string room(8, ' ');
    for (const std::uint64_t each : numbers)
        ring.ask(receive_request(pair[0], room, each));
    ring.turn();
    ring.ask({.code = opcode::cancel, .offset = numbers[1], .user_data = 100});
    BOOST_TEST(ring.wait_for(numbers[1]).result == -ECANCELED);
    ring.ask({.code = opcode::cancel, .offset = numbers[2], .user_data = 100});
    BOOST_TEST(ring.wait_for(numbers[2]).result == -ECANCELED);
    for (std::size_t i = 0; i < 4; ++i)
        pair.write(1, "x");
    for (const std::uint64_t each : {numbers[0], numbers[3], numbers[4], numbers[5]})
        BOOST_TEST(ring.wait_for(each).result == 1);
    ring->forget(pair[0]);
}

BOOST_AUTO_TEST_CASE(capabilities_can_be_left_unused)
{
    BOOST_REQUIRE(::setenv("COIL_RING_WITHOUT", "multishot_accept,quiet_sends,provided_buffers", 1) == 0);
    ring_under_test poor(backend::epoll);
    BOOST_REQUIRE(::unsetenv("COIL_RING_WITHOUT") == 0);
    BOOST_TEST(!poor->supported().provided_buffers);
    BOOST_TEST(!poor->supported().quiet_sends);
    const tcp_listener listening;
    const std::array clients{listening.connect(), listening.connect()};
    poor.ask({.code = opcode::accept, .fd = listening.fd, .user_data = 1});
    const completion one = poor.wait_for(1);
    BOOST_TEST(!one.more);
    ::close(one.result);
    poor.settle();
    BOOST_TEST(poor.count(1) == 0U);
    for (const int each : clients)
        ::close(each);
    poor->forget(listening.fd);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
