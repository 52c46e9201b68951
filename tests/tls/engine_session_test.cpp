// What happens behind the first handshake: resumption, renegotiation, new keys, and what an idle connection costs.
#include <coil/tls/engine.hpp>

#include <coil/tls/internal/engine_state.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"
#include "tests/support/openssl_client.hpp"

#include <boost/test/unit_test.hpp>

#include <malloc.h>

#include <array>
#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COIL_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COIL_TEST_SANITIZED 1
#endif
#endif

using namespace coil;
using test::openssl_client;
using tls::engine_options;
using tls::protocol_version;
using tls::status;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

tls::secure_context server_context(const test::identity& who, protocol_version version, const std::string& ca = {})
{
    return tls::create_secure_context(
        {.ca = ca, .cert = who.cert, .key = who.key, .max_version = version, .min_version = version});
}

struct session_free {
    void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using session_ptr = std::unique_ptr<SSL_SESSION, session_free>;

/// Connects with the session of an earlier connection, if there is one. @return the new session and whether the server
/// took the old one.
std::pair<session_ptr, bool> connect_with(const session_ptr& earlier, int version, const tls::secure_context& context,
                                          engine_options options = {}, const tls::secure_context& named = {})
{
    test::engine_end server{tls::engine(context, tls::role::server, std::move(options))};
    server.answer = test::by_name([named](const std::string&) { return named; });
    openssl_client client(version);
    SSL_set_tlsext_host_name(client.ssl(), "localhost");
    if (earlier)
        SSL_set_session(client.ssl(), earlier.get());
    client.talk(server);
    BOOST_TEST_REQUIRE(server.engine.handshake_done());
    SSL_set_shutdown(client.ssl(), SSL_SENT_SHUTDOWN);
    return {session_ptr(SSL_get1_session(client.ssl())), server.engine.is_session_reused()};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_session_test)

BOOST_AUTO_TEST_CASE(a_session_is_resumed_under_the_same_policy_only,
                     *boost::unit_test::label("SES-02 SES-26 SOCK-30 B-059"))
{
    for (const auto& [version, number] :
         {std::pair(protocol_version::tlsv1_2, TLS1_2_VERSION), std::pair(protocol_version::tlsv1_3, TLS1_3_VERSION)}) {
        const tls::secure_context context = server_context(all().server, version);
        const auto [session, first] = connect_with(nullptr, number, context);
        BOOST_TEST(!first);
        BOOST_TEST(connect_with(session, number, context).second);
        // A server that asks for certificates does not take a session of one that did not.
        const auto [other, reused] =
            connect_with(session, number, context, {.reject_unauthorized = false, .request_cert = true});
        BOOST_TEST(!reused);
        BOOST_TEST(connect_with(other, number, context, {.reject_unauthorized = false, .request_cert = true}).second);
        // Nor is a session carried over to a server name that trusts others.
        const tls::secure_context named = server_context(all().server, version, all().root.certificate());
        BOOST_TEST(!connect_with(session, number, context, {.ask = {.client_hello = true}}, named).second);
    }
}

BOOST_AUTO_TEST_CASE(the_end_of_an_engine_does_not_spoil_its_session)
{
    for (const bool broken : {false, true}) {
        auto owned =
            std::make_unique<tls::internal::engine_state>(tls::create_secure_context({.ca = all().root.certificate()}),
                                                          tls::role::client, std::make_shared<const engine_options>());
        tls::internal::engine_state& client = *owned;
        test::engine_end server{
            tls::engine(server_context(all().server, protocol_version::tlsv1_2), tls::role::server)};
        for (int i = 0; i < 3; ++i) {
            client.handshake();
            while (!client.bytes.output.empty()) {
                server.engine.feed(client.bytes.output.front());
                client.bytes.output.consume(client.bytes.output.front().size());
            }
            server.step();
            client.bytes.input.append(test::as_bytes(test::take_output(server.engine)));
        }
        BOOST_TEST_REQUIRE(client.handshake_done);
        if (broken) {
            std::array<std::byte, 16> buffer;
            client.bytes.input.append(test::as_bytes("no record at all"));
            BOOST_TEST((client.read(buffer).status == status::error));
        }
        const session_ptr session(SSL_get1_session(client.ssl.get()));
        owned.reset();
        BOOST_TEST((SSL_SESSION_is_resumable(session.get()) == 1) == !broken);
    }
}

BOOST_AUTO_TEST_CASE(a_client_may_renegotiate_as_often_as_the_limit_says,
                     *boost::unit_test::label("CTX-34 DEF-01 ERR-18 RNG-01 RNG-03 RNG-04 RNG-18 B-067"))
{
    const tls::settings before = tls::defaults();
    for (const unsigned limit : {0u, 1u, 3u, 10u}) {
        tls::settings changed = before;
        changed.client_reneg_limit = limit;
        tls::set_defaults(changed);
        test::engine_end server{
            tls::engine(server_context(all().server, protocol_version::tlsv1_2), tls::role::server)};
        openssl_client client(TLS1_2_VERSION);
        client.talk(server);
        BOOST_TEST_REQUIRE(server.engine.handshake_done());
        for (unsigned i = 0; i < limit; ++i) {
            BOOST_TEST(SSL_renegotiate(client.ssl()) == 1);
            client.talk(server);
            BOOST_TEST((server.status == status::want_input));
            BOOST_TEST(server.write("x"));
            client.talk(server);
        }
        BOOST_TEST(SSL_renegotiate(client.ssl()) == 1);
        client.talk(server);
        BOOST_TEST((server.status == status::error));
        BOOST_TEST(server.code() == "ERR_TLS_SESSION_ATTACK");
        BOOST_TEST(server.engine.error_info().message == "TLS session renegotiation attack detected");
        BOOST_TEST(!server.write("x"));
    }
    tls::set_defaults(before);
}

BOOST_AUTO_TEST_CASE(renegotiation_can_be_disabled, *boost::unit_test::label("ERR-16 RNG-05 SOCK-14"))
{
    test::engine_end server{tls::engine(server_context(all().server, protocol_version::tlsv1_2), tls::role::server)};
    openssl_client client(TLS1_2_VERSION);
    client.talk(server);
    server.engine.disable_renegotiation();
    SSL_renegotiate(client.ssl());
    client.talk(server);
    BOOST_TEST(server.code() == "ERR_TLS_RENEGOTIATION_DISABLED");
}

BOOST_AUTO_TEST_CASE(key_updates_are_answered_and_lose_nothing)
{
    test::engine_end server{tls::engine(server_context(all().server, protocol_version::tlsv1_3), tls::role::server)};
    openssl_client client(TLS1_3_VERSION);
    client.talk(server);
    std::string sent;
    for (int i = 0; i < 50; ++i) {
        BOOST_TEST(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
        BOOST_TEST(SSL_write(client.ssl(), "tick", 4) == 4);
        sent += "tick";
        client.talk(server);
        BOOST_TEST(server.write("tock"));
    }
    client.talk(server);
    BOOST_TEST(server.received == sent);
    BOOST_TEST((server.status == status::want_input));
}

#if !defined(COIL_TEST_SANITIZED)
BOOST_AUTO_TEST_CASE(an_idle_server_connection_keeps_at_most_20_kib)
{
    for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3}) {
        const tls::secure_context server = server_context(all().server, version);
        const tls::secure_context client = tls::create_secure_context({.ca = all().root.certificate()});
        const auto idle_server = [&] {
            test::engine_pair pair(client, {}, server, {});
            BOOST_TEST_REQUIRE(pair.handshake());
            BOOST_TEST(pair.client.write(std::string(20'000, 'x')));
            BOOST_TEST(pair.server.write(std::string(20'000, 'x')));
            pair.pump();
            return std::move(pair.server.engine);
        };
        constexpr std::size_t count = 200;
        std::vector<tls::engine> servers;
        servers.reserve(count);
        {
            const tls::engine warm_up = idle_server();
        }
        const std::size_t before = mallinfo2().uordblks;
        while (servers.size() < count)
            servers.push_back(idle_server());
        const std::size_t each = (mallinfo2().uordblks - before) / count;
        BOOST_TEST(each < 20u * 1024, each << " bytes");
        BOOST_TEST(each > 4u * 1024, each << " bytes, which cannot be all of it");
    }
}
#endif

BOOST_AUTO_TEST_SUITE_END()
