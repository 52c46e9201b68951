#include <coil/runtime/cluster.hpp>

#include "tests/support/child_end.hpp"

#include <coil/net/address.hpp>
#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/call_on.hpp>
#include <coil/runtime/internal/ring/blocked_signals.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/shared_channel.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <future>
#include <mutex>
#include <optional>
#include <semaphore>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

const std::error_code canceled = errc::canceled;

cluster_options with_workers(unsigned count)
{
    cluster_options options;
    options.workers = count;
    options.loop.receive_buffers = 8;
    return options;
}

/// Waits until it is stopped. @return whether it was.
task<bool> stopped_in_the_end()
{
    const result<> slept = co_await sleep_for(1h);
    co_return slept.error() == canceled;
}

BOOST_AUTO_TEST_SUITE(cluster_test)

BOOST_AUTO_TEST_CASE(main_runs_once_on_each_of_several_threads)
{
    cluster workers(with_workers(3));
    BOOST_TEST(workers.workers() == 3U);
    std::mutex guard;
    std::set<std::thread::id> threads;
    std::multiset<unsigned> indices;
    const auto note = [&](worker self) -> task<> {
        const std::lock_guard lock(guard);
        threads.insert(std::this_thread::get_id());
        indices.insert(self.index());
        BOOST_TEST(self.count() == 3U);
        co_return;
    };
    for (int run = 0; run < 2; ++run) {
        threads.clear();
        indices.clear();
        workers.run(note);
        BOOST_TEST(threads.size() == 3U);
        BOOST_TEST(!threads.contains(std::this_thread::get_id()));
        BOOST_TEST(indices == (std::multiset<unsigned>{0, 1, 2}), boost::test_tools::per_element());
    }
    BOOST_TEST(cluster().workers() >= 1U);
}

BOOST_AUTO_TEST_CASE(the_first_failure_stops_the_others_and_is_thrown)
{
    cluster workers(with_workers(3));
    std::atomic<int> stopped = 0;
    const auto failing = [&](worker self) -> task<> {
        if (self.index() == 1)
            throw std::runtime_error("one failed");
        const bool was_stopped = co_await stopped_in_the_end();
        stopped += was_stopped;
    };
    BOOST_CHECK_EXCEPTION(workers.run(failing), std::runtime_error,
                          [](const std::runtime_error& error) { return std::string(error.what()) == "one failed"; });
    BOOST_TEST(stopped <= 2);
    stopped = 0;
    const auto stopping = [&](worker) -> task<> {
        const bool was_stopped = co_await stopped_in_the_end();
        stopped += was_stopped;
    };
    std::jthread later([&] {
        std::this_thread::sleep_for(20ms);
        workers.request_stop();
    });
    workers.run(stopping);
    BOOST_TEST(stopped == 3);
}

BOOST_AUTO_TEST_CASE(a_signal_stops_all)
{
    cluster workers(with_workers(2));
    std::atomic<int> stopped = 0;
    const auto waiting = [&](worker self) -> task<> {
        if (self.index() == 1)
            ::kill(::getpid(), SIGTERM);
        const bool was_stopped = co_await stopped_in_the_end();
        stopped += was_stopped;
    };
    workers.run(waiting);
    BOOST_TEST(stopped == 2);
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    BOOST_TEST(sigismember(&blocked, SIGTERM) == 0);
}

BOOST_AUTO_TEST_CASE(a_worker_stops_all_and_one_that_ends_does_not)
{
    cluster workers(with_workers(2));
    std::atomic<bool> stopped = false;
    const auto main = [&](worker self) -> task<> {
        if (self.index() == 0)
            co_return;
        const result<> slept = co_await sleep_for(5ms);
        BOOST_TEST(slept.has_value());
        self.request_stop();
        const bool was_stopped = co_await stopped_in_the_end();
        stopped = was_stopped;
    };
    workers.run(main);
    BOOST_TEST(stopped);
}

BOOST_AUTO_TEST_CASE(workers_reach_each_other_and_their_counters_add_up)
{
    cluster workers(with_workers(2));
    shared_channel<int> over(1);
    const auto main = [&](worker self) -> task<> {
        if (self.index() == 1) {
            const result<int> end = co_await over.receive();
            BOOST_TEST(!end.has_value());
            co_return;
        }
        const auto whoami = [] { return std::this_thread::get_id(); };
        const result<std::thread::id> other = co_await call_on(self.loop(1), whoami);
        BOOST_TEST((*other != std::this_thread::get_id()));
        const auto sleeping = []() -> task<> {
            const result<> slept = co_await sleep_for(1ms);
            slept.value();
        };
        const result<> slept = co_await call_on(self.loop(1), sleeping);
        BOOST_TEST(slept.has_value());
        const loop_stats sum = co_await self.stats();
        BOOST_TEST(sum.turns > loop::current().stats().turns);
        BOOST_TEST(sum.operations >= 2U);
        over.close();
    };
    workers.run(main);
    const loop_stats sum = workers.stats();
    BOOST_REQUIRE(workers.worker_stats().size() == 2U);
    BOOST_TEST(sum.turns == workers.worker_stats()[0].turns + workers.worker_stats()[1].turns);
    BOOST_TEST(workers.worker_stats()[1].turns > 0U);
}

task<> echo(net::socket socket)
{
    std::array<std::byte, 256> buffer;
    while (auto got = co_await socket.read(buffer)) {
        const result<std::size_t> written = co_await socket.write(std::span(buffer).first(*got));
        if (!written)
            co_return;
    }
}

task<> talk(std::uint16_t port, int& echoed)
{
    net::connect_options options;
    options.host = "127.0.0.1";
    options.port = port;
    net::socket socket = net::connect(std::move(options));
    const result<> connected = co_await socket.connect();
    connected.value();
    std::array<std::byte, 64> out;
    std::array<std::byte, 64> in;
    out.fill(std::byte{7});
    for (int round = 0; round < 20; ++round) {
        const result<std::size_t> written = co_await socket.write(out);
        written.value();
        for (std::size_t size = 0; size < out.size();) {
            const result<std::size_t> got = co_await socket.read(std::span(in).subspan(size));
            if (!got)
                co_return;
            size += *got;
        }
        echoed += in == out;
    }
}

BOOST_AUTO_TEST_CASE(an_echo_server_shares_its_port_between_two_loops)
{
    cluster workers(with_workers(2));
    std::promise<std::uint16_t> port;
    std::shared_future<std::uint16_t> known_port = port.get_future().share();
    std::array<std::atomic<int>, 2> connections{};
    const auto serve = [&](worker self) -> task<> {
        net::server server = net::create_server(net::server_options(), [&, index = self.index()](net::socket socket) -> task<> {
            ++connections[index];
            return echo(std::move(socket));
        });
        net::listen_options where;
        where.host = "127.0.0.1";
        where.reuse_port = true;
        where.port = self.index() == 0 ? std::uint16_t{0} : known_port.get();
        server.listen(where).value();
        if (self.index() == 0)
            port.set_value(server.address()->port());
        const auto closed = server.closed();
        static_cast<void>(co_await closed);
    };
    int echoed = 0;
    std::jthread client([&] {
        known_port.wait();
        std::this_thread::sleep_for(20ms);  // the second one listens
        loop here;
        const auto body = [&]() -> task<> {
            scope all;
            for (int connection = 0; connection < 40; ++connection)
                all.spawn(talk(known_port.get(), echoed));
            co_await all.join();
        };
        here.run(body());
        workers.request_stop();
    });
    workers.run(serve);
    client.join();
    BOOST_TEST(echoed == 40 * 20);
    BOOST_TEST(connections[0] + connections[1] == 40);
    BOOST_TEST(connections[0] > 0);
    BOOST_TEST(connections[1] > 0);
}

/// One that was connected before the cluster was told to end.
class connected_client {
public:
    explicit connected_client(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        const net::address where = *net::address::parse("127.0.0.1", port);
        BOOST_REQUIRE(::connect(descriptor_, where.system_address(), where.system_size()) == 0);
    }
    connected_client(const connected_client&) = delete;
    connected_client& operator=(const connected_client&) = delete;
    ~connected_client() { ::close(descriptor_); }

    /// Whether what is sent comes back.
    bool is_echoed() const
    {
        char letter = 'x';
        return ::send(descriptor_, &letter, 1, MSG_NOSIGNAL) == 1 && ::recv(descriptor_, &letter, 1, 0) == 1;
    }

private:
    int descriptor_;
};

/// Serves on a port of the system's choice until it ends by itself or is stopped, and keeps how it ended.
struct echo_main {
    std::promise<std::uint16_t> port;
    std::optional<std::error_code> ended;

    task<> run()
    {
        net::server server = net::create_server(net::server_options(), echo);
        server.listen({.host = "127.0.0.1"}).value();
        port.set_value(server.address()->port());
        const result<> closed = co_await server.closed();
        ended = closed.error();
    }
};

BOOST_AUTO_TEST_CASE(a_signal_lets_connections_finish_and_main_returns_by_itself,
                     *boost::unit_test::label("stop model"))
{
    cluster_options options = with_workers(1);
    options.grace = 1h;
    cluster workers(options);
    echo_main main;
    std::atomic<bool> served_on = false;
    const internal::blocked_signals not_here(std::array{SIGTERM});  // the threads of the test do not take it
    std::jthread outside([&] {
        const connected_client client(main.port.get_future().get());
        served_on = client.is_echoed();
        ::kill(::getpid(), SIGTERM);
        std::this_thread::sleep_for(10ms);
        served_on = served_on && client.is_echoed();
    });
    workers.run([&](worker) { return main.run(); });
    outside.join();
    BOOST_TEST(served_on);
    BOOST_TEST((main.ended == std::error_code()));
}

BOOST_AUTO_TEST_CASE(when_the_grace_is_over_main_is_stopped, *boost::unit_test::label("stop model"))
{
    cluster_options options = with_workers(1);
    options.grace = 5ms;
    cluster workers(options);
    echo_main main;
    std::binary_semaphore over{0};
    std::jthread outside([&] {
        const connected_client client(main.port.get_future().get());
        BOOST_TEST(client.is_echoed());
        workers.request_shutdown();
        over.acquire();
    });
    workers.run([&](worker) { return main.run(); });
    over.release();
    outside.join();
    BOOST_TEST((main.ended == canceled));
}

BOOST_AUTO_TEST_CASE(a_worker_without_a_server_is_stopped_at_once, *boost::unit_test::label("stop model"))
{
    cluster_options options = with_workers(2);
    options.grace = 1h;
    cluster workers(options);
    std::atomic<int> stopped = 0;
    const auto waiting = [&](worker self) -> task<> {
        if (self.index() == 1)
            self.request_shutdown();
        const bool was_stopped = co_await stopped_in_the_end();
        stopped += was_stopped;
    };
    workers.run(waiting);
    BOOST_TEST(stopped == 2);
    workers.request_shutdown();  // before it runs
    workers.run(waiting);
    BOOST_TEST(stopped == 4);
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_the_program_at_once, *boost::unit_test::label("stop model"))
{
    const child_end end = end_of_child([] {
        cluster_options options = with_workers(1);
        options.grace = 1h;
        cluster workers(options);
        echo_main main;
        std::jthread outside([&] {
            const internal::blocked_signals not_here(std::array{SIGTERM});
            const connected_client client(main.port.get_future().get());
            while (true) {  // one that comes before the first was taken is none
                ::kill(::getpid(), SIGTERM);
                std::this_thread::sleep_for(10ms);
            }
        });
        workers.run([&](worker) { return main.run(); });
    });
    BOOST_TEST(end.signal == SIGTERM);
}

BOOST_AUTO_TEST_CASE(an_empty_main_is_refused, *boost::unit_test::label("F-41"))
{
    cluster workers(with_workers(1));
    BOOST_CHECK_THROW(workers.run(nullptr), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
