#include "tests/support/awaitable_conformance.hpp"
#include "tests/support/credentials.hpp"

#include <coil/runtime/event.hpp>
#include <coil/tls/tls.hpp>

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

/// A TLS client and server over a socket pair; the handshake is done by whoever first needs it.
class tls_ends {
public:
    tls_ends() : tls_ends(opened()) {}

    tls::socket socket;
    tls::socket peer;

private:
    explicit tls_ends(std::array<int, 2> ends)
        : socket(net::socket(ends[0]), client_options()), peer(net::socket(ends[1]), server_options())
    {
    }

    static std::array<int, 2> opened()
    {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        const int small = 4096;
        ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        return ends;
    }
    static tls::socket_options client_options()
    {
        static const tls::secure_context context =
            tls::create_secure_context({.ca = shared_credentials().root.certificate()});
        tls::socket_options options;
        options.servername = "localhost";
        options.secure_context = context;
        return options;
    }
    static tls::socket_options server_options()
    {
        static const tls::secure_context context = tls::create_secure_context(
            {.cert = shared_credentials().server.cert, .key = shared_credentials().server.key});
        tls::socket_options options;
        options.is_server = true;
        options.secure_context = context;
        return options;
    }
};

/// The peer comes to life when the wait is to be completed.
struct tls_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = true;

    void check_unused() {}

    tls_ends subject;
    scope background;
};

struct secure_connect_case : tls_case {
    task<result<>> wait()
    {
        const result<> secure = co_await subject.socket.secure_connect();
        co_return secure;
    }
    void complete()
    {
        background.spawn([this] { return answer(); });
    }
    task<> answer() { [[maybe_unused]] const result<> secure = co_await subject.peer.secure_connect(); }
};

struct read_case : tls_case {
    task<result<>> wait()
    {
        std::array<std::byte, 1> buffer;
        const result<std::size_t> got = co_await subject.socket.read(buffer);
        co_return got.error();
    }
    void complete()
    {
        ++wanted;
        if (background.size() == 0)
            background.spawn([this] { return answer(); });
    }
    task<> answer()
    {
        while (wanted > 0) {
            --wanted;
            const result<std::size_t> put = co_await subject.peer.write("x");
            if (!put)
                co_return;
        }
    }

    int wanted = 0;
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

struct full_case : tls_case {
    static constexpr bool exclusive = false;

    void complete()
    {
        if (background.size() == 0)
            background.spawn([this] { return take_all(); });
    }
    task<> take_all()
    {
        std::array<std::byte, 16 * 1024> taken;
        while (true) {
            const result<std::size_t> got = co_await subject.peer.read(taken);
            if (!got)
                break;
        }
        [[maybe_unused]] const result<> ended = co_await subject.peer.end();
    }

    std::vector<std::byte> bytes = std::vector<std::byte>(512 * 1024);
};

struct write_case : full_case {
    task<result<>> wait()
    {
        const result<std::size_t> put = co_await subject.socket.write(bytes);
        if (put && *put < bytes.size())
            co_return errc::canceled;
        co_return put.error();
    }
};

struct drained_case : full_case {
    task<result<>> wait()
    {
        const result<std::size_t> put = co_await subject.socket.write(std::span(bytes).first(60 * 1024));
        if (put && *put < 60 * 1024)
            co_return errc::canceled;
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
        const result<> ended = co_await subject.socket.end();
        co_return ended;
    }
};

struct shutdown_case : full_case {
    static constexpr bool exclusive = true;

    task<result<>> wait()
    {
        auto both = subject.socket.shutdown(10s);
        const result<> ended = co_await both;
        co_return ended;
    }
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

    tls::server subject = tls::create_server(options(), [](tls::socket) { return nothing(); });
    static task<> nothing() { co_return; }
    static tls::server_options options()
    {
        const identity& who = shared_credentials().server;
        return {.secure_context = {{.cert = who.cert, .key = who.key}}};
    }
};

/// Waits for clients that say nothing and leave when `complete` is called.
struct server_shutdown_case {
    static constexpr bool at_once = false;
    static constexpr bool exclusive = true;

    ~server_shutdown_case() { complete(); }

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
    tls::server subject =
        tls::create_server(closed_case::options(), [](tls::socket) { return closed_case::nothing(); });
};

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_conformance_test)

BOOST_AUTO_TEST_CASE(the_handshake_keeps_to_what_all_awaitables_keep_to,
                     *boost::unit_test::label("BYD-37 ERR-33 EVT-18 SOCK-03"))
{
    awaitable_conformance<secure_connect_case>::check("tls::socket::secure_connect");
}

BOOST_AUTO_TEST_CASE(reading_keeps_to_what_all_awaitables_keep_to, *boost::unit_test::label("BYD-37 ERR-33"))
{
    awaitable_conformance<read_case>::check("tls::socket::read");
}

BOOST_AUTO_TEST_CASE(socket_readable)
{
    awaitable_conformance<readable_case>::check("tls::socket::readable");
}

BOOST_AUTO_TEST_CASE(writing_keeps_to_what_all_awaitables_keep_to, *boost::unit_test::label("BYD-37 ERR-33"))
{
    awaitable_conformance<write_case>::check("tls::socket::write");
}

BOOST_AUTO_TEST_CASE(draining_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<drained_case>::check("tls::socket::drained");
}

BOOST_AUTO_TEST_CASE(ending_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<end_case>::check("tls::socket::end");
}

BOOST_AUTO_TEST_CASE(shutting_down_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<shutdown_case>::check("tls::socket::shutdown");
}

BOOST_AUTO_TEST_CASE(waiting_for_a_server_to_close_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<closed_case>::check("tls::server::closed");
}

BOOST_AUTO_TEST_CASE(a_shutdown_keeps_to_what_all_awaitables_keep_to)
{
    awaitable_conformance<server_shutdown_case>::check("tls::server::shutdown");
}

BOOST_AUTO_TEST_SUITE_END()
