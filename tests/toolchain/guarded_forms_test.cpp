// g++ 12 destroys an options aggregate twice when it is made in the expression that awaits. What is made from options
// therefore has to be named before it can be awaited: on a temporary the awaiting members do not exist.

#include <coil/net/server.hpp>
#include <coil/net/socket.hpp>
#include <coil/tls/server.hpp>
#include <coil/tls/socket.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>

using namespace coil;

namespace {

template <class S>
concept can_connect = requires(S&& socket) { std::forward<S>(socket).connect(); };
template <class S>
concept can_secure_connect = requires(S&& socket) { std::forward<S>(socket).secure_connect(); };
template <class S>
concept can_read = requires(S&& socket, std::span<std::byte> bytes) { std::forward<S>(socket).read(bytes); };
template <class S>
concept can_write = requires(S&& socket, std::span<const std::byte> bytes) { std::forward<S>(socket).write(bytes); };
template <class S>
concept can_drain = requires(S&& socket) { std::forward<S>(socket).drained(); };
template <class S>
concept can_end = requires(S&& socket) { std::forward<S>(socket).end(); };
template <class S>
concept can_shut_down = requires(S&& socket) { std::forward<S>(socket).shutdown(std::chrono::seconds(1)); };
template <class S>
concept can_await_closed = requires(S&& server) { std::forward<S>(server).closed(); };

}  // namespace

BOOST_AUTO_TEST_SUITE(guarded_forms)

BOOST_AUTO_TEST_CASE(a_net_socket_is_awaited_by_name_only)
{
    BOOST_TEST((can_connect<net::socket&> && can_read<net::socket&> && can_write<net::socket&>));
    BOOST_TEST((can_drain<net::socket&> && can_end<net::socket&>));
    BOOST_TEST(!can_connect<net::socket>);
    BOOST_TEST(!can_read<net::socket>);
    BOOST_TEST(!can_write<net::socket>);
    BOOST_TEST(!can_drain<net::socket>);
    BOOST_TEST(!can_end<net::socket>);
}

BOOST_AUTO_TEST_CASE(a_tls_socket_is_awaited_by_name_only)
{
    BOOST_TEST((can_secure_connect<tls::socket&> && can_read<tls::socket&> && can_write<tls::socket&>));
    BOOST_TEST((can_drain<tls::socket&> && can_end<tls::socket&> && can_shut_down<tls::socket&>));
    BOOST_TEST(!can_secure_connect<tls::socket>);
    BOOST_TEST(!can_read<tls::socket>);
    BOOST_TEST(!can_write<tls::socket>);
    BOOST_TEST(!can_drain<tls::socket>);
    BOOST_TEST(!can_end<tls::socket>);
    BOOST_TEST(!can_shut_down<tls::socket>);
}

BOOST_AUTO_TEST_CASE(a_server_is_awaited_by_name_only)
{
    BOOST_TEST((can_await_closed<net::server&> && can_await_closed<tls::server&>));
    BOOST_TEST(!can_await_closed<net::server>);
    BOOST_TEST(!can_await_closed<tls::server>);
}

BOOST_AUTO_TEST_SUITE_END()
