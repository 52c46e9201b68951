#include "tests/support/awaitable_conformance.hpp"
#include "tests/support/busy_workers.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/lookup.hpp>
#include <coil/net/server.hpp>
#include <coil/net/socket.hpp>
#include <coil/net/stream.hpp>
#include <coil/runtime/event.hpp>

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

namespace {

/// Two connected sockets: one of coil's, and a bare descriptor at the other end.
class half_pair {
public:
    half_pair() : half_pair(opened()) {}
    ~half_pair() { ::close(peer); }

    net::socket socket;
    int peer;

private:
    explicit half_pair(std::array<int, 2> ends) : socket(ends[0]), peer(ends[1]) {}

    static std::array<int, 2> opened()
    {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        const int small = 4096;
        ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        return ends;
    }
};

struct read_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = true;

    task<result<>> wait()
    {
        std::array<std::byte, 1> buffer;
        const result<std::size_t> got = co_await subject.socket.read(buffer);
        co_return got.error();
    }
    void complete() { BOOST_TEST(::write(subject.peer, "x", 1) == 1); }
    void check_unused() {}

    half_pair subject;
};

struct readable_case : read_case {
    task<result<>> wait()
    {
        const result<> there = co_await subject.socket.readable();
        if (!there)
            co_return there;
        co_return co_await read_case::wait();
    }
};

/// More than the socket and the queue before it hold; the peer takes it when it is asked to complete the wait.
struct full_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = false;

    void complete()
    {
        if (reader.size() == 0)
            reader.spawn([this] { return take_all(); });
    }
    void check_unused() {}

    task<> take_all()
    {
        std::array<char, 16 * 1024> taken;
        while (true) {
            while (::recv(subject.peer, taken.data(), taken.size(), MSG_DONTWAIT) > 0) {}
            const result<> slept = co_await sleep_for(1ms);
            if (!slept)
                co_return;
        }
    }

    std::vector<std::byte> bytes = std::vector<std::byte>(512 * 1024);
    half_pair subject;
    scope reader;
};

struct write_case : full_case {
    task<result<>> wait()
    {
        const result<std::size_t> put = co_await subject.socket.write(bytes);
        if (put && *put < bytes.size())
            co_return errc::canceled;  // stopped midway: how much was taken is known
        co_return put.error();
    }
};

struct gather_case : full_case {
    task<result<>> wait()
    {
        const std::array<std::span<const std::byte>, 2> pieces{std::span(bytes).first(10),
                                                               std::span(bytes).subspan(10)};
        const result<std::size_t> put = co_await subject.socket.write(pieces);
        if (put && *put < bytes.size())
            co_return errc::canceled;
        co_return put.error();
    }
};

struct drain_case : full_case {
    task<result<>> wait()
    {
        const result<std::size_t> put = co_await subject.socket.write(std::span(bytes).first(60 * 1024));
        if (!put)
            co_return put.error();
        const result<> drained = co_await subject.socket.drained();
        co_return drained;
    }
};

struct end_case : full_case {
    static constexpr bool exclusive = true;

    task<result<>> wait()
    {
        if (!written) {
            written = true;
            [[maybe_unused]] const result<std::size_t> put =
                co_await subject.socket.write(std::span(bytes).first(60 * 1024));
        }
        const result<> ended = co_await subject.socket.end();
        co_return ended;
    }

    bool written = false;
};

/// The same through a stream of any type.
struct any_read_case : read_case {
    task<result<>> wait()
    {
        std::array<std::byte, 1> buffer;
        const result<std::size_t> got = co_await any.read(buffer);
        co_return got.error();
    }

    net::any_stream any{std::move(subject.socket)};
};

struct any_write_case : full_case {
    task<result<>> wait()
    {
        const result<std::size_t> put = co_await any.write(bytes);
        if (put && *put < bytes.size())
            co_return errc::canceled;
        co_return put.error();
    }

    net::any_stream any{std::move(subject.socket)};
};

struct any_end_case : full_case {
    static constexpr bool exclusive = true;

    task<result<>> wait()
    {
        if (!std::exchange(written, true)) {
            const auto some = std::span(bytes).first(60 * 1024);
            [[maybe_unused]] const result<std::size_t> put = co_await any.write(some);
        }
        const result<> ended = co_await any.end();
        co_return ended;
    }

    net::any_stream any{std::move(subject.socket)};
    bool written = false;
};

/// Waits for a thread of `offload`.
struct lookup_case {
    static constexpr bool at_once = false;

    task<result<>> wait()
    {
        const result<std::vector<net::address>> found = co_await net::lookup("localhost", 1);
        co_return found.error();
    }
    void complete() { threads.let_go(); }
    void check_unused() {}

    busy_workers threads;
};

struct closed_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = true;

    closed_case() { subject.listen({.host = "127.0.0.1"}).value(); }

    task<result<>> wait()
    {
        const result<> closed = co_await subject.closed();
        co_return closed;
    }
    void complete() { [[maybe_unused]] const result<> closed = subject.close(); }
    void check_unused() {}

    net::server subject = net::create_server({}, [](net::socket) { return nothing(); });
    static task<> nothing() { co_return; }
};

/// Waits for clients that say nothing and leave when `complete` is called.
struct shutdown_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = true;

    ~shutdown_case() { complete(); }

    task<result<>> wait()
    {
        if (!subject.listening())
            subject.listen({.host = "127.0.0.1"}).value();
        const net::address where = *subject.address();
        clients.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        BOOST_REQUIRE(::connect(clients.back(), where.system_address(), where.system_size()) == 0);
        while (subject.connections() == 0)
            co_await this_task::yield();
        if (completed)
            complete();
        const std::size_t cut_off = co_await subject.shutdown(1h);
        const stop_token stop = co_await this_task::stop_token();
        if (cut_off > 0 && stop.stop_requested())
            co_return errc::canceled;
        co_return result<>();
    }
    void complete()
    {
        completed = true;
        for (const int each : std::exchange(clients, {}))
            ::close(each);
    }
    void check_unused() {}

    std::vector<int> clients;
    bool completed = false;
    net::server subject = net::create_server({}, read_to_the_end);

    static task<> read_to_the_end(net::socket socket)
    {
        std::array<std::byte, 1> buffer;
        static_cast<void>(co_await socket.read(buffer));
    }
};

/// A listener whose queue is full answers no further connection until there is room again.
struct connect_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = true;

    connect_case()
    {
        listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const net::address any_port = *net::address::parse("127.0.0.1", 0);
        BOOST_REQUIRE(::bind(listener, any_port.system_address(), any_port.system_size()) == 0);
        BOOST_REQUIRE(::listen(listener, 0) == 0);
        sockaddr_storage storage{};
        socklen_t size = sizeof storage;
        BOOST_REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&storage), &size) == 0);
        where = net::address::from_system(storage, size);
        filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        BOOST_REQUIRE(::connect(filler, where->system_address(), where->system_size()) == 0);
    }
    ~connect_case()
    {
        ::close(filler);
        ::close(listener);
    }

    task<result<>> wait()
    {
        net::connect_options options;
        options.host = "127.0.0.1";
        options.port = where->port();
        auto socket = net::connect(options);
        const result<> connected = co_await socket.connect();
        socket.destroy();
        co_return connected;
    }
    void complete()
    {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        BOOST_TEST(accepted >= 0);
        ::close(accepted);
    }
    void check_unused() {}

    int listener;
    int filler;
    std::optional<net::address> where;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(net_conformance_test)

BOOST_AUTO_TEST_CASE(reading_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<read_case>::check("net::socket::read");
}

BOOST_AUTO_TEST_CASE(socket_readable)
{
    awaitable_conformance<readable_case>::check("net::socket::readable");
}

BOOST_AUTO_TEST_CASE(writing_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<write_case>::check("net::socket::write");
}

BOOST_AUTO_TEST_CASE(writing_pieces_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<gather_case>::check("net::socket::write");
}

BOOST_AUTO_TEST_CASE(draining_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<drain_case>::check("net::socket::drained");
}

BOOST_AUTO_TEST_CASE(ending_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<end_case>::check("net::socket::end");
}

BOOST_AUTO_TEST_CASE(a_stream_of_any_type_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<any_read_case>::check("net::any_stream::read");
    awaitable_conformance<any_write_case>::check("net::any_stream::write");
    awaitable_conformance<any_end_case>::check("net::any_stream::end");
}

BOOST_AUTO_TEST_CASE(looking_up_a_name_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<lookup_case>::check("net::lookup");
}

BOOST_AUTO_TEST_CASE(waiting_for_a_server_to_close_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<closed_case>::check("net::server::closed");
}

BOOST_AUTO_TEST_CASE(a_shutdown_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<shutdown_case>::check("net::server::shutdown");
}

BOOST_AUTO_TEST_CASE(connecting_keeps_to_what_all_awaitables_keep_to, *boost::unit_test::label("BYD-37 NET-24"))
{
    awaitable_conformance<connect_case>::check("net::socket::connect");
}

BOOST_AUTO_TEST_SUITE_END()
