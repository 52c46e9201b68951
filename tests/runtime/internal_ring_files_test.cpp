// Files, pipes and terminals on every ring, on both backends against the kernel at hand.
#include <coil/runtime/internal/ring/ring.hpp>

#include "tests/support/folder_fixture.hpp"
#include "tests/support/ring_under_test.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <linux/openat2.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::internal;
using namespace coil::test;
using namespace std::chrono_literals;

request open_request(const std::string& path, open_how& how, std::uint64_t user_data)
{
    return {.code = opcode::open,
            .fd = AT_FDCWD,
            .address = path.c_str(),
            .offset = reinterpret_cast<std::uintptr_t>(&how),
            .user_data = user_data};
}

two_descriptors make_pipe()
{
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    return two_descriptors(ends);
}

/// A terminal that passes bytes on as they are, and its other end.
two_descriptors make_terminal()
{
    const int other = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    BOOST_REQUIRE(::grantpt(other) == 0);
    BOOST_REQUIRE(::unlockpt(other) == 0);
    const int terminal = ::open(::ptsname(other), O_RDWR | O_NOCTTY | O_CLOEXEC);
    BOOST_REQUIRE(terminal >= 0);
    termios how{};
    BOOST_REQUIRE(::tcgetattr(terminal, &how) == 0);
    ::cfmakeraw(&how);
    BOOST_REQUIRE(::tcsetattr(terminal, TCSANOW, &how) == 0);
    return two_descriptors({terminal, other});
}

std::size_t open_descriptors()
{
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

void fill(int fd)
{
    const int flags = ::fcntl(fd, F_GETFL);
    ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    const std::string much(4096, 'f');
    while (::write(fd, much.data(), much.size()) > 0) {}
    ::fcntl(fd, F_SETFL, flags);
}

BOOST_FIXTURE_TEST_SUITE(internal_ring_files_test, folder_fixture)

BOOST_DATA_TEST_CASE(files_are_opened_written_read_and_described, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    const std::string path = folder / "file";
    open_how how{};
    how.flags = O_RDWR | O_CREAT | O_CLOEXEC;
    how.mode = 0600;
    const int fd = ring.result_of(open_request(path, how, 0));
    BOOST_REQUIRE(fd >= 0);
    std::string text = "0123456789";
    BOOST_TEST(ring.result_of(transfer_request(opcode::write, fd, text, 0, 5)) == 10);
    std::string room(20, ' ');
    BOOST_TEST(ring.result_of(transfer_request(opcode::read, fd, room, 0, 12)) == 3);
    BOOST_TEST(room.substr(0, 3) == "789");
    BOOST_TEST(ring.result_of(transfer_request(opcode::read, fd, room, 0, 15)) == 0);
    BOOST_REQUIRE(::lseek(fd, 8, SEEK_SET) == 8);
    std::string two = "xy";
    BOOST_TEST(ring.result_of(transfer_request(opcode::write, fd, two, 0)) == 2);
    BOOST_TEST(ring.result_of(transfer_request(opcode::read, fd, room, 0)) == 5);
    BOOST_TEST(room.substr(0, 5) == "56789");
    BOOST_TEST(ring.result_of({.code = opcode::synchronize, .fd = fd}) == 0);
    struct statx found{};
    const request status{.code = opcode::status,
                         .fd = fd,
                         .address = "",
                         .option = AT_EMPTY_PATH,
                         .offset = reinterpret_cast<std::uintptr_t>(&found)};
    BOOST_TEST(ring.result_of(status) == 0);
    BOOST_TEST(found.stx_size == 15U);
    ring->forget(fd);
    ::close(fd);
    BOOST_TEST(ring.result_of(status) == -EBADF);
    BOOST_TEST(ring.result_of(transfer_request(opcode::read, fd, room, 0)) == -EBADF);
    BOOST_TEST(ring.result_of({.code = opcode::synchronize, .fd = fd}) == -EBADF);
}

BOOST_DATA_TEST_CASE(what_a_file_cannot_do_is_told, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC;
    const std::string missing = folder / "missing";
    BOOST_TEST(ring.result_of(open_request(missing, how, 0)) == -ENOENT);
    const std::string here = folder;
    const int directory = ring.result_of(open_request(here, how, 0));
    BOOST_REQUIRE(directory >= 0);
    std::string room(8, ' ');
    BOOST_TEST(ring.result_of(transfer_request(opcode::read, directory, room, 0)) == -EISDIR);
    how.resolve = RESOLVE_BENEATH;
    request outside = open_request("", how, 0);
    const std::string out = "../" + folder.filename().string();
    outside.fd = directory;
    outside.address = out.c_str();
    BOOST_TEST(ring.result_of(outside) == -EXDEV);
    ring->forget(directory);
    ::close(directory);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    BOOST_TEST(ring.result_of(transfer_request(opcode::write, null, room, 0)) == 8);
    BOOST_TEST(ring.result_of(transfer_request(opcode::read, null, room, 0)) == 0);
    ring->forget(null);
    ::close(null);
}

BOOST_DATA_TEST_CASE(many_transfers_of_a_file_overlap, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    const int fd = ::memfd_create("many", MFD_CLOEXEC);
    std::vector<std::string> parts;
    for (std::uint64_t i = 0; i < 100; ++i)
        parts.emplace_back(1000, static_cast<char>('a' + i % 26));
    for (std::uint64_t i = 0; i < parts.size(); ++i)
        ring.ask(transfer_request(opcode::write, fd, parts[i], i + 1, i * 1000));
    for (std::uint64_t i = 0; i < parts.size(); ++i)
        BOOST_TEST(ring.wait_for(i + 1).result == 1000);
    std::string all(100'000, ' ');
    BOOST_TEST(ring.result_of(transfer_request(opcode::read, fd, all, 0, 0)) == 100'000);
    bool right = true;
    for (std::size_t i = 0; i < all.size(); ++i)
        right = right && all[i] == parts[i / 1000][0];
    BOOST_TEST(right);
    ring->forget(fd);
    ::close(fd);
}

BOOST_DATA_TEST_CASE(memory_of_a_file_transfer_that_was_cancelled_at_once_is_left_alone,
                     boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    const int fd = ::memfd_create("large", MFD_CLOEXEC);
    BOOST_REQUIRE(::ftruncate(fd, 8 << 20) == 0);
    for (std::uint64_t round = 1; round <= 20; ++round) {
        auto room = std::make_unique<std::string>(8 << 20, 'x');
        request wanted = transfer_request(opcode::read, fd, *room, round, 0);
        wanted.option = 1;
        ring.ask(wanted);
        ring.turn();
        if (round % 2 == 0)
            ::usleep(100);
        ring->cancel_now(round);
        const std::string then = *room;
        ::usleep(300);
        BOOST_TEST((then == *room));
        room.reset();
        const int result = ring.wait_for(round).result;
        BOOST_TEST((result == 8 << 20 || result == -ECANCELED));
    }
    ring->forget(fd);
    ::close(fd);
}

BOOST_AUTO_TEST_CASE(opening_what_blocks_can_be_cancelled_and_leaves_no_descriptor)
{
    const std::string path = folder / "fifo";
    BOOST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const auto release = [&] {  // those that still wait in the call
        const int reader = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
        ::usleep(2000);
        ::close(reader);
    };
    ring_under_test ring(backend::epoll);
    const std::size_t before = open_descriptors();
    auto how = std::make_unique<open_how>();
    how->flags = O_RDONLY | O_CLOEXEC;
    auto copy = std::make_unique<std::string>(path);
    for (std::uint64_t i = 1; i <= 2; ++i)
        ring.ask(open_request(*copy, *how, i));
    ring.settle();
    ring.ask({.code = opcode::cancel, .offset = 1, .user_data = 100});
    BOOST_TEST(ring.wait_for(1).result == -ECANCELED);
    ring->cancel_now(2);
    BOOST_TEST(ring.wait_for(2).result == -ECANCELED);
    copy.reset();
    how.reset();
    release();
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (open_descriptors() != before && std::chrono::steady_clock::now() < deadline)
        ::usleep(500);
    BOOST_TEST(open_descriptors() == before);
}

BOOST_DATA_TEST_CASE(a_pipe_is_read_and_written_when_the_other_end_allows, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors pipe = make_pipe();
    std::string room(16, ' ');
    ring.ask(transfer_request(opcode::read, pipe[0], room, 1));
    ring.settle();
    BOOST_TEST(ring.count(1) == 0U);
    pipe.write(1, "some");
    BOOST_TEST(ring.wait_for(1).result == 4);
    fill(pipe[1]);
    std::string text(100, 't');
    ring.ask(transfer_request(opcode::write, pipe[1], text, 2));
    ring.settle();
    BOOST_TEST(ring.count(2) == 0U);
    std::string taken(1 << 20, ' ');
    const int first = ring.result_of(transfer_request(opcode::read, pipe[0], taken, 0));
    BOOST_TEST(first > 0);
    BOOST_TEST(ring.wait_for(2).result == 100);
    fill(pipe[1]);
    ring.ask(transfer_request(opcode::write, pipe[1], text, 3));
    ring.turn();
    ring.ask({.code = opcode::cancel, .offset = 3, .user_data = 100});
    BOOST_TEST(ring.wait_for(3).result == -ECANCELED);
    BOOST_TEST((::fcntl(pipe[1], F_GETFL) & O_NONBLOCK) == 0);
    BOOST_TEST((::fcntl(pipe[0], F_GETFL) & O_NONBLOCK) == 0);
    while (::poll(std::array{pollfd{.fd = pipe[0], .events = POLLIN, .revents = 0}}.data(), 1, 0) > 0)
        ring.result_of(transfer_request(opcode::read, pipe[0], taken, 0));
    ring.ask(transfer_request(opcode::read, pipe[0], room, 4));
    ring.turn();
    ring->forget(pipe[1]);
    pipe.close(1);
    BOOST_TEST(ring.wait_for(4).result == 0);
    ring->forget(pipe[0]);
}

BOOST_DATA_TEST_CASE(what_is_non_blocking_is_waited_for_all_the_same, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    std::string room(16, ' ');
    const auto check = [&](const two_descriptors& ends) {
        ::fcntl(ends[0], F_SETFL, ::fcntl(ends[0], F_GETFL) | O_NONBLOCK);
        ring.ask(transfer_request(opcode::read, ends[0], room, 1));
        ring.settle();
        BOOST_TEST(ring.count(1) == 0U);
        ends.write(1, "now");
        BOOST_TEST(ring.wait_for(1).result == 3);
        ring->forget(ends[0]);
    };
    check(unix_pair());
    check(make_pipe());
    check(make_terminal());
}

BOOST_DATA_TEST_CASE(a_terminal_is_read_and_written_and_keeps_its_flags, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    two_descriptors terminal = make_terminal();
    std::string room(16, ' ');
    const auto transfer = [&](opcode code, std::string& bytes, std::uint64_t user_data) {
        request wanted = transfer_request(code, terminal[0], bytes, user_data);
        wanted.option = 1;
        ring.ask(wanted);
    };
    // A thread of the kernel that is only about to wait misses it.
    const auto give_up = [&](std::uint64_t user_data) {
        for (int tries = 0; tries < 1000 && ring.count(user_data) == 0; ++tries) {
            ring.ask({.code = opcode::cancel, .offset = user_data, .user_data = 100});
            ring.settle();
        }
        return ring.wait_for(user_data).result;
    };
    transfer(opcode::read, room, 1);
    ring.settle();
    BOOST_TEST(ring.count(1) == 0U);
    terminal.write(1, "typed");
    BOOST_TEST(ring.wait_for(1).result == 5);
    transfer(opcode::read, room, 2);
    const int given_up = give_up(2);
    BOOST_TEST((given_up == -ECANCELED || given_up == -EINTR));
    // Nobody reads it: a write ends when it is cancelled, and what it took can be read.
    std::string text(200'000, 't');
    std::size_t taken = 0;
    while (true) {
        transfer(opcode::write, text, 3);
        ring.settle();
        if (ring.count(3) == 0)
            break;
        taken += static_cast<std::size_t>(ring.wait_for(3).result);
    }
    const int rest = give_up(3);
    taken += rest > 0 ? static_cast<std::size_t>(rest) : 0;
    BOOST_TEST((::fcntl(terminal[0], F_GETFL) & O_NONBLOCK) == 0);
    std::size_t got = 0;
    std::string some(4096, ' ');
    while (got < taken) {
        const int count = ring.result_of(transfer_request(opcode::read, terminal[1], some, 0));
        BOOST_REQUIRE(count > 0);
        got += static_cast<std::size_t>(count);
    }
    BOOST_TEST(got == taken);
    const std::size_t open = open_descriptors();
    ring->forget(terminal[0]);
    BOOST_TEST(open_descriptors() == open - (which == backend::epoll ? 1 : 0));
    ring->forget(terminal[1]);
}

BOOST_DATA_TEST_CASE(an_event_counter_takes_what_is_written, boost::unit_test::data::make(both), which)
{
    ring_under_test ring(which);
    const int counter = ::eventfd(0, EFD_CLOEXEC);
    std::string three(8, '\0');
    three[0] = 3;
    BOOST_TEST(ring.result_of(transfer_request(opcode::write, counter, three, 0)) == 8);
    std::string room(8, '\0');
    BOOST_TEST(ring.result_of(transfer_request(opcode::read, counter, room, 0)) == 8);
    BOOST_TEST(room == three);
    ring->forget(counter);
    ::close(counter);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
