// A client of coil that chooses its certificate by the authorities that a server of OpenSSL's names.

#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/peer_process.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace coil;
using namespace std::chrono_literals;
using test::name_of;
using test::peer_process;
using tls::protocol_version;

BOOST_AUTO_TEST_SUITE(client_certificates)

BOOST_AUTO_TEST_CASE(s_server_gets_a_certificate_of_an_authority_that_it_names)
{
    const test::credentials& all = test::shared_credentials();
    for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3})
        test::run([&all, version]() -> task<> {
            const test::scratch_folder folder;
            const std::uint16_t port = test::free_port();
            peer_process server({"openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port), "-cert",
                                 folder.write("server.pem", all.server.cert), "-key",
                                 folder.write("server.key", all.server.key), "-Verify", "1", "-verify_return_error",
                                 "-CAfile", folder.write("ca.pem", all.other_root.certificate()),
                                 version == protocol_version::tlsv1_2 ? "-tls1_2" : "-tls1_3"},
                                folder);
            const bool listens = co_await server.listens(port);
            BOOST_TEST_REQUIRE(listens);
            tls::connect_options options = test::client_of(port, {}, test::only(version));
            options.client_certificate_callback =
                [&all](tls::client_certificate_request request) -> task<tls::secure_context> {
                static_cast<void>(co_await sleep_for(2ms));
                for (const tls::distinguished_name& each : request.authorities)
                    if (each.get("CN") == "coil other root")
                        co_return tls::create_secure_context(
                            {.cert = all.foreign_client.cert, .key = all.foreign_client.key});
                co_return tls::secure_context();
            };
            tls::socket client = tls::connect(std::move(options));
            auto connecting = client.secure_connect();
            const result<> connected = co_await connecting;
            BOOST_TEST(name_of(connected) == "");
            const bool seen = co_await server.says("foreign client");
            BOOST_TEST(seen);
            const bool goes_on = co_await server.feed("welcome\n");
            BOOST_TEST(goes_on);
            auto reading = test::read_exactly(client, 7);
            const std::string said = co_await reading;
            BOOST_TEST(said == "welcome");
        });
}

BOOST_AUTO_TEST_SUITE_END()
