#include "bench/load/load.hpp"

#include "bench/failure.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using bench::load;

namespace {

int listen_somewhere(std::uint16_t& port)
{
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    BOOST_REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    BOOST_REQUIRE(listen(listener, 64) == 0);
    BOOST_REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    return listener;
}

/// Echoes without TLS in a thread of its own, and does nothing for a while when it is told to.
class echo_server {
public:
    echo_server() : listener_(listen_somewhere(port_)), thread_([this] { serve(); }) {}
    ~echo_server()
    {
        ends_ = true;
        thread_.join();
        close(listener_);
    }

    std::uint16_t port() const noexcept { return port_; }
    /// @param answers  until it stalls, once.
    void stall_after(int answers, std::chrono::milliseconds duration)
    {
        stall_ = duration;
        until_stall_ = answers;
    }

private:
    void serve()
    {
        std::vector<pollfd> all{{listener_, POLLIN, 0}};
        std::array<char, 4096> buffer;
        while (!ends_) {
            poll(all.data(), all.size(), 10);
            if (all[0].revents != 0)
                all.push_back({accept(listener_, nullptr, nullptr), POLLIN, 0});
            for (std::size_t i = 1; i < all.size(); ++i) {
                if (all[i].revents == 0)
                    continue;
                if (until_stall_-- == 0)
                    std::this_thread::sleep_for(stall_.load());
                const ssize_t size = recv(all[i].fd, buffer.data(), buffer.size(), 0);
                if (size <= 0) {
                    close(all[i].fd);
                    all[i] = {-1, 0, 0};
                } else {
                    send(all[i].fd, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
                }
            }
        }
        for (std::size_t i = 1; i < all.size(); ++i)
            close(all[i].fd);
    }

    std::uint16_t port_ = 0;
    int listener_;
    std::atomic<bool> ends_ = false;
    std::atomic<int> until_stall_ = -1;
    std::atomic<std::chrono::milliseconds> stall_ = 0ms;
    std::thread thread_;
};

/// Takes one upload after the other from one client, slowly, so that much of it waits in the kernel.
class slow_sink {
public:
    slow_sink() : listener_(listen_somewhere(port_)), thread_([this] { serve(); }) {}
    ~slow_sink()
    {
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }

    std::uint16_t port() const noexcept { return port_; }
    std::size_t taken() const noexcept { return taken_; }

private:
    void serve()
    {
        const int client = accept(listener_, nullptr, nullptr);
        std::vector<char> buffer(64 * 1024);
        std::array<unsigned char, 8> length;
        while (recv(client, length.data(), length.size(), MSG_WAITALL) == 8) {
            std::size_t left = 0;
            for (const unsigned char one : length)
                left = left << 8 | one;
            while (left > 0) {
                const ssize_t size = recv(client, buffer.data(), std::min(left, buffer.size()), 0);
                if (size <= 0)
                    break;
                left -= static_cast<std::size_t>(size);
                taken_ += static_cast<std::size_t>(size);
                std::this_thread::sleep_for(100us);
            }
            send(client, length.data(), length.size(), MSG_NOSIGNAL);
        }
        close(client);
    }

    std::uint16_t port_ = 0;
    int listener_;
    std::atomic<std::size_t> taken_ = 0;
    std::thread thread_;
};

bench::scenario echoes(unsigned connections)
{
    return {.name = "echo",
            .kind = bench::scenario_kind::echo,
            .connections = connections,
            .size = 64,
            .operation = "echo"};
}

/// A server without TLS.
bench::target at(std::uint16_t port, bench::protocol speaks = bench::protocol::echo)
{
    return {.port = port, .speaks = speaks, .context = nullptr, .of = nullptr};
}

auto longer_than(load& of, std::chrono::nanoseconds limit)
{
    return std::ranges::count_if(of.took().values(), [&](auto took) { return took > limit; });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(load_test)

BOOST_AUTO_TEST_CASE(at_a_fixed_rate_a_stall_counts_for_every_operation_that_was_due_meanwhile)
{
    echo_server server;
    load clients(echoes(4), at(server.port()), 1000);
    clients.open();
    server.stall_after(100, 100ms);
    clients.run(400ms);
    BOOST_TEST(clients.took().count() == 400u);
    BOOST_TEST(clients.done() == 400.0);
    // One is due each millisecond: those of the first 90 wait 10 ms and more, those of the first 50 half of the time.
    BOOST_TEST(longer_than(clients, 10ms) >= 89);
    BOOST_TEST(longer_than(clients, 50ms) >= 49);
    BOOST_TEST(longer_than(clients, 97ms) >= 1);
}

BOOST_AUTO_TEST_CASE(without_a_rate_a_stall_counts_once_for_each_client_at_most)
{
    echo_server server;
    load clients(echoes(1), at(server.port()));
    clients.open();
    server.stall_after(100, 100ms);
    clients.run(200ms);
    BOOST_TEST(clients.took().count() > 100u);
    BOOST_TEST(longer_than(clients, 97ms) >= 1);
}

BOOST_AUTO_TEST_CASE(nothing_is_sent_before_it_is_due)
{
    echo_server server;
    load clients(echoes(8), at(server.port()), 20);
    clients.open();
    BOOST_TEST(clients.done() == 0.0);
    const auto begin = std::chrono::steady_clock::now();
    clients.run(300ms);
    BOOST_TEST(clients.done() == 6.0);
    BOOST_TEST(((std::chrono::steady_clock::now() - begin) >= 250ms));
}

BOOST_AUTO_TEST_CASE(after_a_run_the_server_has_taken_everything_that_counts_as_sent)
{
    slow_sink server;
    const bench::scenario upload{
        .name = "upload", .kind = bench::scenario_kind::upload, .connections = 1, .size = 4 << 20, .operation = "MiB"};
    load clients(upload, at(server.port(), bench::protocol::upload));
    clients.open();
    BOOST_TEST(server.taken() == 0u);
    for (int i = 0; i < 3; ++i) {
        clients.run(5ms);
        BOOST_TEST(clients.done() >= 4.0 * (i + 1));
        BOOST_TEST(clients.done() * bench::mebibyte == static_cast<double>(server.taken()));
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_falls_behind_for_good_is_an_error)
{
    echo_server server;
    load clients(echoes(1), at(server.port()), 100, 300ms);
    clients.open();
    server.stall_after(3, 1s);
    BOOST_CHECK_EXCEPTION(clients.run(100ms), bench::failure, [](const bench::failure& reason) {
        return reason.what() == std::string("the server answered 3 of the 10 requests that were due in time");
    });
}

BOOST_AUTO_TEST_SUITE_END()
