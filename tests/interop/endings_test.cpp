// How the end of a connection looks to programs that know nothing of coil.

#include <coil/net/server.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/peer_process.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;
using test::peer_process;
using tls::protocol_version;

namespace {

const test::credential_files& files()
{
    static const test::credential_files shared;
    return shared;
}

constexpr protocol_version both_versions[] = {protocol_version::tlsv1_2, protocol_version::tlsv1_3};

/// How a handler leaves a connection to which it has written.
enum class leaving { ended, returned, threw, stopped, destroyed };
constexpr leaving every_way[] = {leaving::ended, leaving::returned, leaving::threw, leaving::stopped,
                                 leaving::destroyed};

/// Writes "half", and leaves in this way.
template <class Socket>
task<> write_and_leave(Socket socket, leaving how)
{
    const std::string half = "half";
    const result<std::size_t> written = co_await socket.write(std::as_bytes(std::span(half)));
    BOOST_TEST(written.has_value());
    const bool taken_away = how == leaving::stopped || how == leaving::destroyed;
    const std::chrono::milliseconds time = taken_away ? 30s : 50ms;
    static_cast<void>(co_await sleep_for(time));
    if (how == leaving::threw)
        throw std::runtime_error("on purpose");
    if (how == leaving::ended) {
        const result<> ended = co_await socket.end();
        BOOST_TEST(ended.has_value());
    }
}

/// What `command`, a client of `server`, says until it ends.
template <class Server>
task<std::string> told_by(std::vector<std::string> command, std::optional<Server>& server, leaving how)
{
    const test::scratch_folder folder;
    peer_process peer(command, folder);
    auto talking = peer.says("half");
    const bool talks = co_await talking;
    BOOST_TEST(talks, peer.errors());
    if (how == leaving::stopped)
        server->request_stop();
    if (how == leaving::destroyed)
        server.reset();
    auto ending = peer.exited();
    const std::optional<int> code = co_await ending;
    BOOST_TEST(code.has_value());
    co_return peer.output() + peer.errors();
}

bool holds(const std::string& text, const char* part)
{
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(endings_test)

BOOST_AUTO_TEST_CASE(a_plain_client_of_node_sees_an_end_only_where_the_handler_ended, *boost::unit_test::label("F-01"))
{
    for (const leaving how : every_way) {
        test::run([how]() -> task<> {
            std::optional<net::server> server(
                net::create_server({}, [how](net::socket socket) { return write_and_leave(std::move(socket), how); }));
            server->on_uncaught([](const std::exception_ptr&) {});
            const std::uint16_t port = test::listen_anywhere(*server);
            auto asking =
                told_by({test::node_program(), "tests/interop/plain_client.js", std::to_string(port)}, server, how);
            const std::string said = co_await asking;
            BOOST_TEST(said == (how == leaving::ended ? "data half\nend\n" : "data half\nerror ECONNRESET\n"));
        });
    }
}

BOOST_AUTO_TEST_CASE(tls_clients_see_an_end_only_where_the_handler_ended, *boost::unit_test::label("F-01"))
{
    for (const protocol_version version : both_versions) {
        for (const leaving how : every_way) {
            for (const bool node : {true, false}) {
                test::run([=]() -> task<> {
                    std::optional<tls::server> server(
                        tls::create_server(test::serving(test::shared_credentials().server), [how](tls::socket socket) {
                            return write_and_leave(std::move(socket), how);
                        }));
                    server->on_uncaught([](const std::exception_ptr&) {});
                    const std::string port = std::to_string(test::listen_anywhere(*server));
                    std::vector<std::string> command{test::node_program(), "tests/interop/tls_client.js", port,
                                                     std::string(tls::to_string(version)), files().path("root.pem")};
                    if (!node)
                        command = {"openssl",
                                   "s_client",
                                   "-quiet",
                                   "-connect",
                                   "127.0.0.1:" + port,
                                   "-CAfile",
                                   files().path("root.pem"),
                                   version == protocol_version::tlsv1_2 ? "-tls1_2" : "-tls1_3"};
                    auto asking = told_by(command, server, how);
                    const std::string said = co_await asking;
                    BOOST_TEST_INFO_SCOPE(said);
                    BOOST_TEST(holds(said, "half"));
                    if (node)
                        BOOST_TEST(said ==
                                   (how == leaving::ended ? "data half\nend\n" : "data half\nerror ECONNRESET\n"));
                    else
                        BOOST_TEST(holds(said, "errno=104") == (how != leaving::ended));
                });
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
