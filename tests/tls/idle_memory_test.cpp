// What a server's process pays for connections that are open and quiet.

#include <coil/tls/tls.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include "tests/support/peer_process.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include <sys/resource.h>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

constexpr std::size_t connections = sanitized ? 100 : 1000;
/// More than there are receive buffers, so that what all connections share is there before the measurement.
constexpr std::size_t connections_before = sanitized ? 25 : 400;

/// What coil promises; without buffers that the kernel picks each connection's receive keeps one of 2 KiB.
double allowed_per_connection()
{
    return (loop::current().capabilities().provided_buffers ? 16.0 : 18.5) * 1024;
}

void allow_many_descriptors()
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Proportional set size of a process, in bytes.
std::size_t pss_of(pid_t id)
{
    std::ifstream lines("/proc/" + std::to_string(id) + "/smaps_rollup");
    for (std::string word; lines >> word;) {
        std::size_t kibibytes = 0;
        if (word == "Pss:" && lines >> kibibytes)
            return kibibytes * 1024;
    }
    return 0;
}

/// Echoes until nothing more is there for the moment.
task<bool> echo_what_is_here(tls::socket& socket)
{
    std::array<std::byte, 4096> buffer;
    result<std::size_t> count(buffer.size());
    while (count && *count == buffer.size()) {
        count = co_await socket.read(buffer);
        if (!count)
            co_return false;
        const result<std::size_t> written = co_await socket.write(std::span<const std::byte>(buffer).first(*count));
        if (!written)
            co_return false;
    }
    co_return true;
}

/// Keeps nothing while it waits, so that what is measured is not the handler's own.
task<> echo_a_little(tls::socket socket)
{
    for (bool goes_on = true; goes_on;) {
        const result<> something = co_await socket.readable();
        goes_on = false;
        if (something)
            goes_on = co_await echo_what_is_here(socket);
    }
}

/// Opens connections in `from` … `to`, a few at a time, and has each echo once.
task<> open_connections(std::vector<tls::socket>& sockets, std::size_t count, const tls::connect_options& options)
{
    while (sockets.size() < count) {
        const std::size_t first = sockets.size();
        for (std::size_t i = first; i < std::min(first + 25, count); ++i)
            sockets.push_back(tls::connect(options));
        scope batch;
        for (std::size_t i = first; i < sockets.size(); ++i) {
            auto open = [](tls::socket& socket) -> task<> {
                auto connecting = socket.secure_connect();
                const result<> connected = co_await connecting;
                BOOST_TEST_REQUIRE(name_of(connected) == "");
                auto talking = test::echoes(socket, "hello");
                const bool echoed = co_await talking;
                BOOST_TEST_REQUIRE(echoed);
            };
            batch.spawn(open(sockets[i]));
        }
        co_await batch.join();
    }
}

/// A server in a process of its own.
class measured_server {
public:
    measured_server()
        : peer_({"env", "-u", "XML_OUTPUT_FILE", "-u", "TESTBRIDGE_TEST_ONLY",
                 std::filesystem::read_symlink("/proc/self/exe").string(),
                 "--run_test=idle_memory_test/serve_until_the_end"},
                folder_)
    {
    }

    /// @return how to connect to it.
    task<tls::connect_options> start()
    {
        auto starting = peer_.says("END CERTIFICATE-----");
        const bool listens = co_await starting;
        BOOST_TEST_REQUIRE(listens, peer_.errors());
        const std::string said = peer_.output();
        tls::connect_options options;
        options.host = "127.0.0.1";
        options.port = static_cast<std::uint16_t>(std::stoi(said.substr(said.find("port ") + 5)));
        options.secure_context = tls::create_secure_context({.ca = said.substr(said.find("-----BEGIN"))});
        co_return options;
    }

    std::size_t memory() const { return pss_of(peer_.id()); }

private:
    test::scratch_folder folder_;
    test::peer_process peer_;
};

task<> write_all(tls::socket& socket, const std::string& text)
{
    const result<std::size_t> written = co_await socket.write(text);
    BOOST_TEST(written.has_value());
}

/// Reads what comes back while it is still writing.
task<> send_both_ways(tls::socket& socket, const std::string& text)
{
    scope writing;
    writing.spawn(write_all(socket, text));
    auto reading = test::read_exactly(socket, text.size());
    const std::string answer = co_await reading;
    BOOST_TEST((answer == text));
    co_await writing.join();
}

/// Sends much over each connection, some at a time, and gets it back.
task<> transfer(std::vector<tls::socket>& sockets)
{
    constexpr std::size_t at_once = 10;
    const std::string much(300'000, 'x');
    for (std::size_t first = 0; first < sockets.size(); first += at_once) {
        scope batch;
        for (std::size_t i = first; i < std::min(first + at_once, sockets.size()); ++i)
            batch.spawn(send_both_ways(sockets[i], much));
        co_await batch.join();
    }
}

/// Begins connections that come to nothing: one half speaks no TLS, the other vanishes behind its ClientHello.
task<> abort_handshakes(const tls::connect_options& to, std::size_t count)
{
    net::connect_options where;
    where.host = to.host;
    where.port = to.port;
    for (std::size_t i = 0; i < count; ++i) {
        net::socket socket = net::connect(where);
        auto connecting = socket.connect();
        const auto connected = co_await connecting;
        BOOST_TEST_REQUIRE(connected.has_value());
        tls::engine client(to.secure_context, tls::role::client);
        static_cast<void>(client.handshake());
        const std::string_view nonsense = "GET / HTTP/1.1\r\n\r\n";
        const std::span<const std::byte> first = i % 2 == 0 ? client.output() : std::as_bytes(std::span(nonsense));
        const result<std::size_t> written = co_await socket.write(first);
        BOOST_TEST_REQUIRE(written.has_value());
        std::array<std::byte, 100> buffer;
        const result<std::size_t> answer = co_await socket.read(buffer);
        if (i % 2 == 0)
            BOOST_TEST(answer.has_value());
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(idle_memory_test)

// Not a test: the process that is measured.
BOOST_AUTO_TEST_CASE(serve_until_the_end, *boost::unit_test::disabled())
{
    allow_many_descriptors();
    test::run(
        []() -> task<> {
            tls::server server = tls::create_server(test::serving(test::shared_credentials().server), echo_a_little);
            std::cout << "port " << test::listen_anywhere(server) << ";\n"
                      << test::shared_credentials().root.certificate() << std::endl;
            const result<> slept = co_await sleep_for(60s);
            static_cast<void>(slept);
        },
        70s);
}

BOOST_AUTO_TEST_CASE(a_thousand_idle_connections_cost_little_memory)
{
    allow_many_descriptors();
    test::run(
        []() -> task<> {
            measured_server server;
            auto starting = server.start();
            const tls::connect_options options = co_await starting;
            std::vector<tls::socket> sockets;
            auto warming = open_connections(sockets, connections_before, options);
            co_await warming;
            const std::size_t already = sockets.size();
            const result<> settled = co_await sleep_for(200ms);
            BOOST_TEST(settled.has_value());
            const std::size_t before = server.memory();
            auto opening = open_connections(sockets, already + connections, options);
            co_await opening;
            const result<> settled_too = co_await sleep_for(200ms);
            BOOST_TEST(settled_too.has_value());
            const std::size_t after = server.memory();
            BOOST_TEST_REQUIRE(before > 0u);
            BOOST_TEST_REQUIRE(after > before);
            const double each = static_cast<double>(after - before) / static_cast<double>(connections);
            std::cout << "an idle connection costs " << each / 1024 << " KiB (PSS " << before / 1024 << " -> "
                      << after / 1024 << " KiB for " << connections << ")\n";
            if (!sanitized)
                BOOST_TEST(each <= allowed_per_connection() + 256);  // how the heap lies differs by that between runs
            auto talking = test::echoes(sockets.back(), "still there");
            const bool echoed = co_await talking;
            BOOST_TEST(echoed);
            sockets.clear();
        },
        60s);
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_quiet_again_holds_no_buffer, *boost::unit_test::label("F-24"))
{
    constexpr std::size_t busy_connections = sanitized ? 20 : 300;
    allow_many_descriptors();
    test::run(
        []() -> task<> {
            measured_server server;
            auto starting = server.start();
            const tls::connect_options options = co_await starting;
            std::vector<tls::socket> warm;
            auto warming = open_connections(warm, connections_before, options);
            co_await warming;
            auto warming_up = transfer(warm);
            co_await warming_up;
            const result<> settled = co_await sleep_for(300ms);
            BOOST_TEST(settled.has_value());
            const std::size_t before = server.memory();
            std::vector<tls::socket> sockets;
            auto opening = open_connections(sockets, busy_connections, options);
            co_await opening;
            auto transferring = transfer(sockets);
            co_await transferring;
            const result<> settled_too = co_await sleep_for(300ms);
            BOOST_TEST(settled_too.has_value());
            const std::size_t after = server.memory();
            BOOST_TEST_REQUIRE(before > 0u);
            const double each =
                (static_cast<double>(after) - static_cast<double>(before)) / static_cast<double>(busy_connections);
            std::cout << "a connection that is idle after a transfer costs " << each / 1024 << " KiB\n";
            // What all connections share grows by a few megabytes with how many happen to transfer at once; a buffer that each
            // keeps would be 64 KiB.
            if (!sanitized)
                BOOST_TEST(each <= 2 * allowed_per_connection());
        },
        60s);
}

BOOST_AUTO_TEST_CASE(twenty_thousand_handshakes_that_came_to_nothing_leave_nothing)
{
    constexpr std::size_t before_measuring = sanitized ? 100 : 2000;
    constexpr std::size_t aborted = sanitized ? 400 : 20'000;
    test::run(
        []() -> task<> {
            measured_server server;
            auto starting = server.start();
            const tls::connect_options options = co_await starting;
            auto warming = abort_handshakes(options, before_measuring);
            co_await warming;
            const std::size_t before = server.memory();
            auto aborting = abort_handshakes(options, aborted);
            co_await aborting;
            const std::size_t after = server.memory();
            BOOST_TEST_REQUIRE(before > 0u);
            std::cout << aborted << " aborted handshakes: PSS " << before / 1024 << " -> " << after / 1024 << " KiB\n";
            if (!sanitized)
                BOOST_TEST(after < before + 4 * 1024 * 1024);  // 200 bytes each would be more
        },
        60s);
}

BOOST_AUTO_TEST_SUITE_END()
