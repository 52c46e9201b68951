#include "tests/support/waiting_handlers.hpp"

#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include "tests/support/process_counts.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coil::test {

using namespace std::chrono_literals;

task<> wait_for_ever(int& waiting)
{
    const at_work counted(waiting);
    static_cast<void>(co_await sleep_for(1h));
}

std::size_t stacks_in_use()
{
    return coil::internal::fiber_stack_pool::of_thread().in_use();
}

namespace {

/// What is seen of a server whose handler waits.
struct watched {
    int waiting = 0;
    int secure = 0;
    std::vector<std::string> failures;
    std::optional<tls::server> server;
};

task<> connect_in_vain(tls::socket& client)
{
    auto connecting = client.secure_connect();
    const result<> connected = co_await connecting;
    if (!connected)
        co_return;
    std::array<std::byte, 16> buffer;  // a client may be done before it is judged
    const result<std::size_t> read = co_await client.read(buffer);
    BOOST_TEST(!read.has_value());
}

void end(ending how, tls::socket& client, watched& seen)
{
    switch (how) {
    case ending::client_ends: client.destroy(); break;
    case ending::client_resets: client.reset_and_destroy(); break;
    case ending::timeout: break;
    case ending::stop: seen.server->request_stop(); break;
    case ending::destroyed_server:
        seen.server.reset();
        BOOST_TEST(seen.waiting == 0);  // what the handler refers to may be gone next
        break;
    }
}

task<> end_it(const waiting_handshake& of, ending how)
{
    watched seen;
    seen.server.emplace(of.make_server(seen.waiting, how == ending::timeout ? 1s : 30s, [&seen](tls::socket socket) {
        ++seen.secure;
        return echo(std::move(socket));
    }));
    seen.server->on_tls_client_error([&seen](tls::error_info what) { seen.failures.push_back(what.code); });
    tls::socket client = tls::connect(of.client_of(listen_anywhere(*seen.server)));
    scope beside;
    beside.spawn(connect_in_vain(client));
    auto beginning = eventually([&seen] { return seen.waiting == 1; });
    const bool begun = co_await beginning;
    BOOST_TEST_REQUIRE(begun);
    if (how != ending::timeout)
        BOOST_TEST(stacks_in_use() == 1U);
    end(how, client, seen);
    auto leaving = eventually([&seen] { return seen.waiting == 0 && stacks_in_use() == 0; });
    const bool left = co_await leaving;
    BOOST_TEST(left);
    BOOST_TEST(seen.secure == 0);
    if (how == ending::timeout) {
        auto reporting = eventually([&seen] { return !seen.failures.empty(); });
        const bool reported = co_await reporting;
        BOOST_TEST(reported);
        BOOST_TEST((seen.failures == std::vector<std::string>{"ERR_TLS_HANDSHAKE_TIMEOUT"}));
    }
    beside.request_stop();
    co_await beside.join();
}

}  // namespace

task<> end_a_waiting_handshake(waiting_handshake of, ending how)
{
    const process_counts before = process_counts::now();
    auto ending_it = end_it(of, how);
    co_await ending_it;
    auto back = counts_return_to(before);
    co_await back;
}

}  // namespace coil::test
