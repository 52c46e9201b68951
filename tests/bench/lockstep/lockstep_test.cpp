#include "bench/credentials.hpp"
#include "bench/failure.hpp"
#include "bench/lockstep/clients.hpp"
#include "bench/lockstep/measurement.hpp"
#include "bench/lockstep/turns.hpp"
#include "bench/lockstep/workload.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

namespace lockstep = bench::lockstep;
using bench::scenario;
using bench::scenario_kind;

constexpr unsigned cycles = 3;

/// The kinds of work, small; the waves of the first echo are not all of one size.
std::vector<lockstep::workload> small_workloads()
{
    const scenario echo = {"echo", scenario_kind::echo, 5, 64, "echo"};
    const scenario download = {"download", scenario_kind::download, 1, 512 * 1024 + 7, "MiB"};
    const scenario upload = {"upload", scenario_kind::upload, 2, 1024 * 1024 + 7, "MiB"};
    std::vector<lockstep::workload> all = {{echo, 2, 1}, {download, 1, 1}, {upload, 2, 1}};
    // Those that are small enough as they are.
    for (const char* name : {"echo-4096-32", "http-32", "handshake-13-ecdsa", "handshake-12-ecdsa", "resume-13",
                             "resume-12", "churn", "reset"})
        all.push_back(*lockstep::find_workload(name));
    return all;
}

/// A server for one plain connection that answers each message of 64 bytes as a test wants.
class hand_made_server {
public:
    hand_made_server()
    {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        BOOST_REQUIRE(bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
        BOOST_REQUIRE(listen(listener_, 1) == 0);
        BOOST_REQUIRE(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
    }
    hand_made_server(const hand_made_server&) = delete;
    hand_made_server& operator=(const hand_made_server&) = delete;
    ~hand_made_server()
    {
        disconnect();
        close(listener_);
    }

    std::uint16_t port() const { return port_; }
    void disconnect()
    {
        if (peer_ >= 0)
            close(peer_);
        peer_ = -1;
    }

    /// One turn. @param change  added to the last byte of the answer.
    void echo(unsigned char change = 0)
    {
        if (peer_ < 0)
            peer_ = accept(listener_, nullptr, nullptr);
        std::array<unsigned char, 64> message;
        const ssize_t size = recv(peer_, message.data(), message.size(), MSG_WAITALL);
        BOOST_REQUIRE_EQUAL(size, 64);
        message.back() = static_cast<unsigned char>(message.back() + change);
        BOOST_REQUIRE_EQUAL(send(peer_, message.data(), message.size(), MSG_NOSIGNAL), 64);
    }

private:
    int listener_ = socket(AF_INET, SOCK_STREAM, 0);
    int peer_ = -1;
    std::uint16_t port_ = 0;
};

const lockstep::workload one_echo = {{"echo", scenario_kind::echo, 1, 64, "echo"}, 1, 1};

}  // namespace

BOOST_AUTO_TEST_CASE(a_name_means_what_it_means_in_the_benchmark)
{
    std::size_t known = 0;
    for (const scenario& one : bench::scenarios()) {
        const lockstep::workload* const found = lockstep::find_workload(one.name);
        const bool fits = one.kind != scenario_kind::storm && one.kind != scenario_kind::memory;
        BOOST_TEST((found != nullptr) == fits, one.name);
        if (!found)
            continue;
        ++known;
        BOOST_TEST_CONTEXT(one.name)
        {
            BOOST_TEST((found->scenario.kind == one.kind && found->scenario.key == one.key));
            BOOST_TEST((found->scenario.version == one.version && found->scenario.cipher == one.cipher));
            BOOST_TEST(found->scenario.connections == one.connections);
            BOOST_TEST(found->scenario.size == one.size);
            BOOST_TEST(found->scenario.resumed == one.resumed);
            BOOST_TEST(found->cycles > 0U);
            BOOST_TEST(found->together > 0U);
            BOOST_TEST(found->together <= one.connections);
        }
    }
    BOOST_TEST(lockstep::workloads().size() == known);
}

BOOST_AUTO_TEST_CASE(every_server_does_every_work_and_is_asked_for_exactly_as_much_as_was_said)
{
    const bench::credentials credentials(bench::key_type::ecdsa_p256);
    for (const lockstep::contestant& server : lockstep::contestants()) {
        if (!server.take_turns)
            continue;
        for (const lockstep::workload& doing : small_workloads())
            BOOST_TEST_CONTEXT(server.name << ", " << doing.name())
            {
                const lockstep::round_result found = lockstep::measure_round(
                    server, doing, cycles, credentials.certificate_file().string(), credentials.key_file().string());
                BOOST_TEST(found.operations == cycles * doing.operations(), boost::test_tools::tolerance(1e-9));
                BOOST_TEST(found.turns >= cycles);
                BOOST_TEST(found.nanoseconds > 0);
            }
    }
}

BOOST_AUTO_TEST_CASE(the_floor_in_memory_knows_every_kind_of_work)
{
    const bench::credentials credentials(bench::key_type::ecdsa_p256);
    for (const lockstep::workload& doing : small_workloads())
        BOOST_TEST(lockstep::measure_round(*lockstep::find_contestant("openssl"), doing, cycles,
                                           credentials.certificate_file().string(), credentials.key_file().string())
                           .nanoseconds > 0,
                   doing.name());
}

BOOST_AUTO_TEST_CASE(clients_work_as_often_as_they_were_told_and_then_close)
{
    hand_made_server server;
    lockstep::clients with(nullptr, one_echo, cycles);
    with.connect_to(server.port());
    unsigned turns = 0;
    while (with.turn()) {
        server.echo();
        ++turns;
    }
    BOOST_TEST(turns == cycles + 1);  // one to warm up
    BOOST_TEST(with.operations() == cycles);
    BOOST_TEST(with.turns() == cycles);
}

BOOST_AUTO_TEST_CASE(a_wrong_byte_is_a_failure)
{
    hand_made_server server;
    lockstep::clients with(nullptr, one_echo, cycles);
    with.connect_to(server.port());
    BOOST_REQUIRE(with.turn());
    server.echo(1);
    BOOST_CHECK_THROW(with.turn(), bench::failure);
}

BOOST_AUTO_TEST_CASE(a_server_that_closes_early_is_a_failure)
{
    hand_made_server server;
    lockstep::clients with(nullptr, one_echo, cycles);
    with.connect_to(server.port());
    BOOST_REQUIRE(with.turn());
    server.echo();
    BOOST_REQUIRE(with.turn());
    server.disconnect();
    BOOST_CHECK_THROW(with.turn(), bench::failure);
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_resume_is_a_failure)
{
    const bench::credentials credentials(bench::key_type::ecdsa_p256);
    const lockstep::workload& resuming = *lockstep::find_workload("resume-13");
    // These clients keep no session.
    const bench::openssl_ptr<SSL_CTX> context = bench::make_client_context(*bench::find_scenario("handshake-13-ecdsa"),
                                                                           credentials.certificate_file().string());
    lockstep::clients with(context.get(), resuming, cycles);
    const lockstep::turn_settings settings = {.certificate_file = credentials.certificate_file().string(),
                                              .key_file = credentials.key_file().string()};
    BOOST_CHECK_EXCEPTION(
        lockstep::take_turns_with_coil(settings, with), bench::failure,
        [](const bench::failure& told) { return told.what() == std::string("a server gave no session to resume"); });
}

BOOST_AUTO_TEST_CASE(a_failure_of_a_client_ends_a_round_with_coil_at_once)
{
    const bench::credentials credentials(bench::key_type::ecdsa_p256);
    const bench::credentials others(bench::key_type::ecdsa_p256);
    // Clients that trust another certificate refuse the handshake.
    const bench::openssl_ptr<SSL_CTX> context =
        bench::make_client_context(*bench::find_scenario("echo-64-1"), others.certificate_file().string());
    lockstep::clients with(context.get(), one_echo, cycles);
    const lockstep::turn_settings settings = {.certificate_file = credentials.certificate_file().string(),
                                              .key_file = credentials.key_file().string()};
    BOOST_CHECK_THROW(lockstep::take_turns_with_coil(settings, with), bench::failure);
}
