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

task<bool> echo_what_is_here(tls::socket& socket)
{
    std::array<std::byte, 64> buffer;
    const result<std::size_t> count = co_await socket.read(buffer);
    if (!count)
        co_return false;
    const result<std::size_t> written = co_await socket.write(std::span<const std::byte>(buffer).first(*count));
    co_return written.has_value();
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

}  // namespace

BOOST_AUTO_TEST_SUITE(idle_memory_test)

// Not a test: the process that is measured.
BOOST_AUTO_TEST_CASE(serve_until_the_end, *boost::unit_test::disabled())
{
    allow_many_descriptors();
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(test::shared_credentials().server), echo_a_little);
        std::cout << "port " << test::listen_anywhere(server) << ";\n" << test::shared_credentials().root.certificate() << std::endl;
        const result<> slept = co_await sleep_for(60s);
        static_cast<void>(slept);
    }, 70s);
}

BOOST_AUTO_TEST_CASE(a_thousand_idle_connections_cost_little_memory)
{
    allow_many_descriptors();
    test::run([]() -> task<> {
        const test::scratch_folder folder;
        const std::string self = std::filesystem::read_symlink("/proc/self/exe");
        test::peer_process peer({"env", "-u", "XML_OUTPUT_FILE", "-u", "TESTBRIDGE_TEST_ONLY", self,
                                 "--run_test=idle_memory_test/serve_until_the_end"},
                                folder);
        auto starting = peer.says("END CERTIFICATE-----");
        const bool listens = co_await starting;
        BOOST_TEST_REQUIRE(listens, peer.errors());
        const std::string said = peer.output();
        tls::connect_options options;
        options.host = "127.0.0.1";
        options.port = static_cast<std::uint16_t>(std::stoi(said.substr(said.find("port ") + 5)));
        options.context = tls::create_secure_context({.ca = said.substr(said.find("-----BEGIN"))});

        std::vector<tls::socket> sockets;
        auto warming = open_connections(sockets, connections_before, options);
        co_await warming;
        const std::size_t already = sockets.size();
        const result<> settled = co_await sleep_for(200ms);
        BOOST_TEST(settled.has_value());
        const std::size_t before = pss_of(peer.id());
        auto opening = open_connections(sockets, already + connections, options);
        co_await opening;
        const result<> settled_too = co_await sleep_for(200ms);
        BOOST_TEST(settled_too.has_value());
        const std::size_t after = pss_of(peer.id());
        BOOST_TEST_REQUIRE(before > 0u);
        BOOST_TEST_REQUIRE(after > before);
        const double each = static_cast<double>(after - before) / static_cast<double>(connections);
        std::cout << "an idle connection costs " << each / 1024 << " KiB (PSS " << before / 1024 << " -> " << after / 1024
                  << " KiB for " << connections << ")\n";
        if (!sanitized)
            BOOST_TEST(each <= allowed_per_connection());
        auto talking = test::echoes(sockets.back(), "still there");
        const bool echoed = co_await talking;
        BOOST_TEST(echoed);
        sockets.clear();
    }, 60s);
}

BOOST_AUTO_TEST_SUITE_END()
