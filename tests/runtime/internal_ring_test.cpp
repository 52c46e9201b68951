// What every ring keeps to, on both backends against the kernel at hand.
#include <coil/runtime/internal/ring/ring.hpp>

#include "tests/support/ring_under_test.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::internal;
using namespace coil::test;
using namespace std::chrono_literals;

/// Makes the kernel take little at once.
void make_narrow(const two_descriptors& pair)
{
    const int sent = 4096;
    const int received = 65536;  // less would have TCP wait for its own timers
    BOOST_REQUIRE(::setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &sent, sizeof sent) == 0);
    BOOST_REQUIRE(::setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &received, sizeof received) == 0);
}

std::string numbered_text(std::size_t size)
{
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + i % 23);
    return text;
}

/// What can be read, or comes while `on` turns, up to `size` bytes.
std::string read_all(ring_under_test& on, int fd, std::size_t size)
{
    std::string got;
    std::array<char, 5000> some{};
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (got.size() < size && std::chrono::steady_clock::now() < deadline) {
        const ssize_t count = ::recv(fd, some.data(), some.size(), MSG_DONTWAIT);
        if (count > 0)
            got.append(some.data(), static_cast<std::size_t>(count));
        else
            on.turn(1ms);
    }
    return got;
}

BOOST_AUTO_TEST_SUITE(internal_ring_test)

BOOST_DATA_TEST_CASE(a_receive_takes_what_is_there_and_waits_for_what_comes, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    for (const bool tcp : {false, true}) {
        two_descriptors pair = tcp ? tcp_pair() : unix_pair();
        std::string room(16, ' ');
        pair.write(1, "first");
        ring.ask(receive_request(pair[0], room, 1));
        BOOST_TEST(ring.wait_for(1).result == 5);
        for (int round = 0; round < 5; ++round) {
            ring.ask(receive_request(pair[0], room, 2));
            ring.settle();
            BOOST_TEST(ring.count(2) == 0U);
            pair.write(1, "later");
            BOOST_TEST(ring.wait_for(2).result == 5);
        }
        ring.ask(receive_request(pair[0], room, 3));
        ring.turn();
        pair.close(1);
        BOOST_TEST(ring.wait_for(3).result == 0);
        ring->forget(pair[0]);
    }
}

BOOST_DATA_TEST_CASE(a_provided_receive_brings_all_bytes_in_order_and_then_the_end, boost::unit_test::data::make(both),
                     which)
{
    ring_under_test ring(which);
    if (!ring->supported().provided_buffers)
        return;
    for (const bool tcp : {false, true}) {
        two_descriptors pair = tcp ? tcp_pair() : unix_pair();
        ring.ask({.code = opcode::receive_provided, .fd = pair[0], .user_data = 9});
        ring.turn();
        std::string sent;
        std::string got;
        const auto take = [&] {
            const completion what = ring.wait_for(9);
            BOOST_TEST(what.more);
            got += ring.text_of(what);
        };
        for (std::size_t size : {1U, 63U, 64U, 65U, 200U, 3U}) {
            const std::string text = numbered_text(size);
            pair.write(1, text);
            sent += text;
            while (got.size() < sent.size())
                take();
        }
        // The end comes with the last bytes.
        pair.write(1, "and the end");
        pair.close(1);
        take();
        const completion last = ring.wait_for(9);
        BOOST_TEST(last.result == 0);
        BOOST_TEST(!last.more);
        BOOST_TEST(got == sent + "and the end");
        BOOST_TEST(ring->buffers_lent() == 0U);
        ring->forget(pair[0]);
    }
}

BOOST_DATA_TEST_CASE(an_end_that_came_before_the_receive_is_found, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = tcp_pair();
    pair.write(1, "all");
    ::shutdown(pair[1], SHUT_WR);
    std::this_thread::sleep_for(1ms);
    ring.ask({.code = opcode::receive_provided, .fd = pair[0], .user_data = 9});
    BOOST_TEST(ring.text_of(ring.wait_for(9)) == "all");
    BOOST_TEST(ring.wait_for(9).result == 0);
    // The other direction is open still.
    BOOST_TEST(ring.result_of(send_request(pair[0], "answer", 0)) == 6);
    BOOST_TEST(read_all(ring, pair[1], 6) == "answer");
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(a_reset_is_told, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = tcp_pair();
    ring.ask({.code = opcode::receive_provided, .fd = pair[0], .user_data = 9});
    ring.turn();
    const linger now{.l_onoff = 1, .l_linger = 0};
    BOOST_REQUIRE(::setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    pair.close(1);
    const completion what = ring.wait_for(9);
    BOOST_TEST(what.result == -ECONNRESET);
    BOOST_TEST(!what.more);
    BOOST_TEST(ring.result_of(send_request(pair[0], "late", 0)) == -EPIPE);
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(a_provided_receive_without_buffers_says_so, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which, {.receive_buffers = 2, .receive_buffer_size = 16});
    if (!ring->supported().provided_buffers)
        return;
    two_descriptors pair = unix_pair(SOCK_SEQPACKET);
    for (int i = 0; i < 3; ++i)
        pair.write(1, "piece");
    ring.ask({.code = opcode::receive_provided, .fd = pair[0], .user_data = 9});
    const completion first = ring.wait_for(9);
    const completion second = ring.wait_for(9);
    const completion none = ring.wait_for(9);
    BOOST_TEST(none.result == -ENOBUFS);
    BOOST_TEST(!none.more);
    BOOST_TEST(ring->buffers_lent() == 2U);
    BOOST_TEST(ring->counts().most_buffers_lent == 2U);
    BOOST_TEST(ring.text_of(first) == "piece");
    BOOST_TEST(ring.text_of(second) == "piece");
    ring.ask({.code = opcode::receive_provided, .fd = pair[0], .user_data = 9});
    BOOST_TEST(ring.text_of(ring.wait_for(9)) == "piece");
    ring.ask({.code = opcode::cancel, .offset = 9, .user_data = 10});
    const completion cancelled = ring.wait_for(9);
    BOOST_TEST(cancelled.result == -ECANCELED);
    BOOST_TEST(!cancelled.more);
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(a_send_that_wants_all_sent_waits_for_room, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    const std::string text = numbered_text(600'000);
    for (const bool tcp : {false, true}) {
        two_descriptors pair = tcp ? tcp_pair() : unix_pair();
        make_narrow(pair);
        ring.ask(send_request(pair[0], text, 1));
        ring.settle();
        BOOST_TEST(ring.count(1) == 0U);
        BOOST_TEST((read_all(ring, pair[1], text.size()) == text));
        BOOST_TEST(ring.wait_for(1).result == static_cast<int>(text.size()));
        ring->forget(pair[0]);
    }
}

BOOST_DATA_TEST_CASE(a_gathered_send_leaves_its_description_as_it_is, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = unix_pair();
    make_narrow(pair);
    const std::string text = numbered_text(900'000);
    std::array<iovec, 40> parts{};
    std::size_t from = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::size_t size = i + 1 < parts.size() ? i * 1000 : text.size() - from;
        parts[i] = {const_cast<char*>(text.data()) + from, size};
        from += size;
    }
    const auto before = parts;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    ring.ask({.code = opcode::send_message,
              .fd = pair[0],
              .address = &message,
              .length = static_cast<std::uint32_t>(text.size()),
              .option = MSG_NOSIGNAL | MSG_WAITALL,
              .user_data = 1});
    BOOST_TEST((read_all(ring, pair[1], text.size()) == text));
    BOOST_TEST(ring.wait_for(1).result == static_cast<int>(text.size()));
    if (which == backend::epoll)
        for (std::size_t i = 0; i < parts.size(); ++i)
            BOOST_TEST((parts[i].iov_base == before[i].iov_base && parts[i].iov_len == before[i].iov_len));
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(a_send_that_does_not_wait_tells_the_part_and_then_that_there_is_no_room,
                     boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = tcp_pair();
    make_narrow(pair);
    const std::string text = numbered_text(1'000'000);
    const int flags = MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT;
    const int part = ring.result_of(send_request(pair[0], text, 0, flags));
    BOOST_TEST(part > 0);
    BOOST_TEST(part < static_cast<int>(text.size()));
    int again = part;
    for (int tries = 0; again > 0 && tries < 100; ++tries)
        again = ring.result_of(send_request(pair[0], text, 0, flags));
    BOOST_TEST(again == -EAGAIN);
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(a_send_that_fails_after_a_part_tells_the_part, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = unix_pair();
    make_narrow(pair);
    const std::string text = numbered_text(300'000);
    ring.ask(send_request(pair[0], text, 1));
    ring.settle();
    pair.close(1);
    const int part = ring.wait_for(1).result;
    BOOST_TEST(part > 0);
    BOOST_TEST(part < static_cast<int>(text.size()));
    BOOST_TEST(ring.result_of(send_request(pair[0], "more", 0)) == -EPIPE);
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(a_quiet_send_is_told_after_the_next_entry_and_ends_no_sleep, boost::unit_test::data::make(both),
                     which)
{
    ring_under_test ring(which);
    if (!ring->supported().quiet_sends)
        return;
    two_descriptors pair = unix_pair();
    request wanted = send_request(pair[0], "quiet", 1, MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT);
    wanted.quiet = true;
    bool slept = false;
    for (int tries = 0; tries < 5 && !slept; ++tries) {  // an earlier ring that goes may interrupt a sleep
        ring.ask(wanted);
        const auto began = std::chrono::steady_clock::now();
        ring->enter(20ms);
        slept = std::chrono::steady_clock::now() - began >= 20ms;
        completion what;
        BOOST_REQUIRE(ring->next(what));
        BOOST_TEST(what.user_data == 1U);
        BOOST_TEST(what.result == 5);
        BOOST_TEST(!ring->next(what));
    }
    BOOST_TEST(slept);
    completion what;
    pair.close(1);
    ring.ask(wanted);
    ring->enter(std::nullopt);  // a failure ends the sleep
    BOOST_REQUIRE(ring->next(what));
    BOOST_TEST(what.result == -EPIPE);
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(an_accept_takes_all_that_come, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    const tcp_listener listening;
    ring.ask({.code = opcode::accept, .fd = listening.fd, .user_data = 1});
    ring.settle();
    for (const int burst : {1, 5, 150}) {
        std::vector<int> clients;
        for (int i = 0; i < burst; ++i)
            clients.push_back(listening.connect());
        for (const int client : clients) {
            const completion what = ring.wait_for(1);
            BOOST_TEST(what.more);
            BOOST_REQUIRE(what.result >= 0);
            BOOST_TEST((::fcntl(what.result, F_GETFD) & FD_CLOEXEC) != 0);
            BOOST_TEST((::fcntl(what.result, F_GETFL) & O_NONBLOCK) == 0);
            ::close(what.result);
            ::close(client);
        }
    }
    ring.ask({.code = opcode::cancel, .offset = 1, .user_data = 2});
    BOOST_TEST(ring.wait_for(1).result == -ECANCELED);
    ring->forget(listening.fd);
}

BOOST_DATA_TEST_CASE(an_accept_of_what_does_not_listen_fails, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = unix_pair();
    BOOST_TEST(ring.result_of({.code = opcode::accept, .fd = pair[0]}) == -EINVAL);
    BOOST_TEST((::fcntl(pair[0], F_GETFL) & O_NONBLOCK) == 0);
    BOOST_TEST(ring.result_of({.code = opcode::accept, .fd = -1}) == -EBADF);
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(connects_or_tells_why_not, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    sockaddr_in where{};
    const auto connect = [&](const tcp_listener& to) {
        where = to.where;
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int outcome =
            ring.result_of({.code = opcode::connect, .fd = fd, .address = &where, .length = sizeof where});
        BOOST_TEST((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
        const int sent = ring.result_of(send_request(fd, "x", 0));
        BOOST_TEST((sent == 1) == (outcome == 0));
        ring->forget(fd);
        ::close(fd);
        return outcome;
    };
    tcp_listener listening;
    BOOST_TEST(connect(listening) == 0);
    ::shutdown(listening.fd, SHUT_RDWR);
    BOOST_TEST(connect(listening) == -ECONNREFUSED);
}

BOOST_DATA_TEST_CASE(a_connect_waits_for_room_in_the_backlog_of_a_unix_socket, boost::unit_test::data::make(both),
                     which)
{
    ring_under_test ring(which);
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    const std::string name = "coil-ring-test-" + std::to_string(::getpid()) + to_string(which);
    name.copy(where.sun_path + 1, sizeof where.sun_path - 2);
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BOOST_REQUIRE(::bind(listening, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
    BOOST_REQUIRE(::listen(listening, 0) == 0);
    std::vector<int> clients;
    for (std::uint64_t i = 1; i <= 4; ++i) {
        clients.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ring.ask(
            {.code = opcode::connect, .fd = clients.back(), .address = &where, .length = sizeof where, .user_data = i});
    }
    ring.settle();
    BOOST_TEST(ring.count(1) + ring.count(2) + ring.count(3) + ring.count(4) < 4U);
    std::vector<int> accepted;
    for (std::uint64_t i = 1; i <= 4; ++i)
        accepted.push_back(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | (i == 1 ? 0 : SOCK_NONBLOCK))),
            ring.settle();
    for (std::uint64_t i = 1; i <= 4; ++i) {
        while (ring.count(i) == 0) {
            accepted.push_back(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            ring.turn(1ms);
        }
        BOOST_TEST(ring.wait_for(i).result == 0);
    }
    for (const int each : clients) {
        ring->forget(each);
        ::close(each);
    }
    for (const int each : accepted)
        if (each >= 0)
            ::close(each);
    ::close(listening);
}

BOOST_DATA_TEST_CASE(a_poll_tells_once_what_there_is, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = unix_pair();
    const auto poll = [&](int fd, std::uint32_t events, std::uint64_t user_data) {
        ring.ask({.code = opcode::poll, .fd = fd, .option = events, .user_data = user_data});
    };
    poll(pair[0], POLLOUT, 1);
    BOOST_TEST(ring.wait_for(1).result == POLLOUT);
    poll(pair[0], POLLIN, 2);
    ring.settle();
    BOOST_TEST(ring.count(2) == 0U);
    pair.write(1, "x");
    BOOST_TEST(ring.wait_for(2).result == POLLIN);
    poll(-1, POLLIN, 3);
    BOOST_TEST(ring.wait_for(3).result == -EBADF);
    ring.settle();
    BOOST_TEST(ring.count(1) + ring.count(2) == 0U);
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(shuts_down_and_closes, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = tcp_pair();
    BOOST_TEST(ring.result_of({.code = opcode::shut_down, .fd = pair[0], .option = SHUT_WR}) == 0);
    std::array<char, 4> room{};
    BOOST_TEST(::recv(pair[1], room.data(), room.size(), 0) == 0);
    const int copy = ::dup(pair[0]);
    BOOST_TEST(ring.result_of({.code = opcode::close, .fd = copy}) == 0);
    BOOST_TEST(::fcntl(copy, F_GETFD) == -1);
    BOOST_TEST(ring.result_of({.code = opcode::close, .fd = copy}) == -EBADF);
    BOOST_TEST(ring.result_of({.code = opcode::shut_down, .fd = copy, .option = SHUT_WR}) == -EBADF);
}

BOOST_DATA_TEST_CASE(a_cancelled_request_completes_once, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = unix_pair();
    std::string room(8, ' ');
    const auto cancel = [&](std::uint64_t which_one) {
        ring.ask({.code = opcode::cancel, .offset = which_one, .user_data = 100});
    };
    // While it waits; in the turn in which it was asked for; when it has its result; when it is gone.
    ring.ask(receive_request(pair[0], room, 1));
    ring.turn();
    cancel(1);
    BOOST_TEST(ring.wait_for(1).result == -ECANCELED);
    BOOST_TEST(ring.wait_for(100).result == 0);
    ring.ask(receive_request(pair[0], room, 2));
    cancel(2);
    BOOST_TEST(ring.wait_for(2).result == -ECANCELED);
    BOOST_TEST(ring.wait_for(100).result == 0);
    pair.write(1, "x");
    ring.ask(receive_request(pair[0], room, 3));
    cancel(3);
    BOOST_TEST(ring.wait_for(3).result == 1);
    BOOST_TEST(ring.wait_for(100).result == -ENOENT);
    cancel(3);
    BOOST_TEST(ring.wait_for(100).result == -ENOENT);
    ring.settle();
    BOOST_TEST(ring.count(1) + ring.count(2) + ring.count(3) == 0U);
    // Nothing that was cancelled takes a byte.
    pair.write(1, "kept");
    ring.ask(receive_request(pair[0], room, 4));
    BOOST_TEST(ring.wait_for(4).result == 4);
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(a_cancel_at_once_lets_go_of_the_memory_and_is_told, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = unix_pair();
    for (const bool handed_over : {true, false}) {
        auto room = std::make_unique<std::string>(64, ' ');
        ring.ask(receive_request(pair[0], *room, 1));
        if (handed_over)
            ring.turn();
        ring->cancel_now(1);
        room.reset();
        pair.write(1, "not there");
        BOOST_TEST(ring.wait_for(1).result == -ECANCELED);
        std::string kept(64, ' ');
        BOOST_TEST(ring.result_of(receive_request(pair[0], kept, 0)) == 9);
    }
    ring->cancel_now(1);  // of nothing
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(two_receives_and_a_poll_on_one_descriptor_do_not_disturb_each_other,
                     boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = unix_pair();
    std::string first(2, ' ');
    std::string second(2, ' ');
    ring.ask({.code = opcode::poll, .fd = pair[0], .option = POLLIN, .user_data = 1});
    ring.ask(receive_request(pair[0], first, 2));
    ring.ask(receive_request(pair[0], second, 3));
    ring.turn();
    pair.write(1, "abcd");
    BOOST_TEST(ring.wait_for(1).result == POLLIN);
    BOOST_TEST(ring.wait_for(2).result == 2);
    BOOST_TEST(ring.wait_for(3).result == 2);
    BOOST_TEST((first + second == "abcd" || second + first == "abcd"));
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(what_waits_for_a_full_queue_is_refused, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which, {.submission_entries = 2, .completion_entries = 4, .receive_buffers = 0});
    BOOST_TEST(!ring->supported().provided_buffers);
    BOOST_TEST(ring->supported().submission_entries == 2U);
    const request nothing{.code = opcode::cancel, .offset = 5, .user_data = 1};
    BOOST_TEST(ring->submit(nothing));
    BOOST_TEST(ring->submit(nothing));
    BOOST_TEST(!ring->submit(nothing));
    ring.turn();
    BOOST_TEST(ring.count(1) == 2U);
    BOOST_TEST(ring->submit(nothing));
    ring.turn();
    BOOST_TEST(ring.count(1) == 3U);
}

BOOST_DATA_TEST_CASE(waits_no_longer_than_it_is_told, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    for (const std::chrono::nanoseconds wait : {0ns, 1ns, 300'000ns, 3'000'000ns}) {
        bool slept = false;
        for (int tries = 0; tries < 5 && !slept; ++tries) {  // an earlier ring that goes may interrupt a sleep
            const auto began = std::chrono::steady_clock::now();
            ring->enter(wait);
            slept = std::chrono::steady_clock::now() - began >= wait;
        }
        BOOST_TEST(slept);
    }
    two_descriptors pair = unix_pair();
    std::string room(8, ' ');
    ring.ask(receive_request(pair[0], room, 1));
    std::thread other([&] {
        std::this_thread::sleep_for(5ms);
        [[maybe_unused]] const ssize_t written = ::write(pair[1], "x", 1);  // Boost.Test is for one thread
    });
    completion what;
    while (!ring->next(what))
        ring->enter(std::nullopt);
    BOOST_TEST(what.result == 1);
    other.join();
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(tells_whether_there_is_news, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pair = unix_pair();
    std::string room(8, ' ');
    ring.ask(receive_request(pair[0], room, 1));
    ring.settle();
    if (which == backend::epoll)
        BOOST_TEST(!ring->has_news());
    pair.write(1, "x");
    BOOST_TEST(ring->has_news());
    BOOST_TEST(ring.wait_for(1).result == 1);
    ring->forget(pair[0]);
}

BOOST_DATA_TEST_CASE(a_bell_that_another_thread_rings_is_heard, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    const int bell = ::eventfd(0, EFD_CLOEXEC);
    for (int round = 0; round < 20; ++round) {
        std::string count(8, '\0');
        ring.ask(transfer_request(opcode::read, bell, count, 1, 0));
        if (round % 3 == 0)
            ring.turn();
        std::thread other([&] {
            const std::uint64_t one = 1;
            [[maybe_unused]] const ssize_t written = ::write(bell, &one, sizeof one);
        });
        BOOST_TEST(ring.wait_for(1).result == 8);
        BOOST_TEST(count[0] == 1);
        other.join();
    }
    ring->forget(bell);
    ::close(bell);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
