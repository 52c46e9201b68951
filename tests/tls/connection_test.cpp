#include <coil/tls/internal/connection.hpp>

#include <coil/runtime/event.hpp>
#include <coil/runtime/timer.hpp>

#include "tests/support/openssl_end.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>

using namespace coil;
using namespace std::chrono_literals;
using boost::unit_test::label;
using test::openssl_end;

namespace {

/// A transport to a peer that takes bytes only when the test says so.
class held_transport final : public net::internal::transport {
public:
    /// What arrives from the peer.
    void arrive(std::string_view bytes)
    {
        input_ += bytes;
        if (observer_ && std::exchange(wanted_, false))
            observer_->on_received();
    }
    /// All that was sent and has not left; it leaves now.
    std::string leave()
    {
        std::string bytes;
        while (!output_.empty()) {
            bytes.append(reinterpret_cast<const char*>(output_.front().data()), output_.front().size());
            output_.consume(output_.front().size());
        }
        if (!bytes.empty())
            observer_->on_sent();
        return bytes;
    }

    std::span<const std::byte> received() const noexcept override { return test::as_bytes(input_); }
    std::size_t unread() const noexcept override { return input_.size(); }
    std::size_t peek(std::span<std::byte> into) const noexcept override
    {
        const std::size_t size = std::min(into.size(), input_.size());
        std::copy_n(received().begin(), size, into.begin());
        return size;
    }
    std::uint64_t delivered() const noexcept override { return 0; }
    void consume(std::size_t bytes) noexcept override { input_.erase(0, bytes); }
    std::error_code receive_error() const noexcept override { return {}; }
    void want_bytes() noexcept override { wanted_ = true; }
    void send(net::internal::chunk_queue&& bytes) noexcept override
    {
        while (!bytes.empty()) {
            output_.append(bytes.front());
            bytes.consume(bytes.front().size());
        }
    }
    net::internal::chunk_queue take_back() noexcept override { return {}; }
    std::size_t unsent() const noexcept override { return output_.size(); }
    void want_sent() noexcept override {}
    std::error_code send_error() const noexcept override { return {}; }
    void end() noexcept override { ended_ = true; }
    void end_with_close() noexcept override { ended_ = true; }
    bool ended() const noexcept override { return ended_; }
    void reset_on_close() noexcept override {}
    std::optional<net::address> local_address() const override { return std::nullopt; }
    std::optional<net::address> remote_address() const override { return std::nullopt; }
    std::error_code set_no_delay(bool) noexcept override { return {}; }
    std::error_code set_keep_alive(bool, unsigned) noexcept override { return {}; }

private:
    std::string input_;
    net::internal::chunk_queue output_;
    bool wanted_ = false;
    bool ended_ = false;
};

/// Reads until nothing comes for some turns of the loop; gives what came.
task<std::string> read_on(tls::internal::connection& from)
{
    std::string text;
    std::array<std::byte, 4096> buffer;
    for (int quiet = 0; quiet < 3;) {
        const result<std::size_t> count = from.take(buffer);
        BOOST_TEST_REQUIRE(count.has_value());
        text.append(reinterpret_cast<const char*>(buffer.data()), *count);
        quiet = *count == 0 ? quiet + 1 : 0;
        if (*count > 0)
            continue;
        from.want_input();
        const result<> turn = co_await sleep_for(1ms);
        BOOST_TEST(turn.has_value());
    }
    co_return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(connection_test)

BOOST_AUTO_TEST_CASE(answers_to_new_keys_do_not_pile_up_for_a_peer_that_takes_nothing, *label("F-20"))
{
    test::run([]() -> task<> {
        const test::identity& who = test::shared_credentials().server;
        tls::internal::connection server(
            tls::engine(tls::create_secure_context({.cert = who.cert, .key = who.key}), tls::role::server), nullptr);
        auto owned = std::make_unique<held_transport>();
        held_transport& wire = *owned;
        server.connect(std::move(owned));
        openssl_end client(tls::role::client, TLS1_3_VERSION);
        for (int i = 0; i < 4; ++i) {
            client.step();
            wire.arrive(client.output());
            auto reading = read_on(server);
            const std::string none = co_await reading;
            BOOST_TEST(none == "");
            client.feed(wire.leave());
        }
        BOOST_TEST_REQUIRE(server.engine().handshake_done());

        std::string flood;
        constexpr int rounds = 350;
        for (int i = 0; i < rounds; ++i) {
            flood += client.key_updates(30);
            BOOST_TEST_REQUIRE(SSL_write(client.ssl(), "x", 1) == 1);
            flood += client.output();
        }
        wire.arrive(flood);
        auto reading = read_on(server);
        std::string text = co_await reading;
        const std::size_t held = wire.unsent();
        BOOST_TEST(held > 200u * 1024);
        BOOST_TEST(held < 300u * 1024);
        BOOST_TEST(text.size() < std::size_t{rounds});
        BOOST_TEST(!wire.received().empty());
        // Once the peer takes them, it goes on.
        for (int i = 0; i < 10 && text.size() < rounds; ++i) {
            wire.leave();
            auto more = read_on(server);
            text += co_await more;
        }
        BOOST_TEST(text.size() == std::size_t{rounds});
        server.destroy(false);
    });
}

BOOST_AUTO_TEST_CASE(what_a_renegotiation_asks_keeps_readers_and_writers_waiting)
{
    for (const bool reads : {true, false})
        test::run([reads]() -> task<> {
            const test::credentials& all = test::shared_credentials();
            int asked = 0;
            event go;
            tls::internal::question_handlers handlers;
            handlers.verify_peer = [&]() -> task<tls::verdict> {
                if (++asked == 2)
                    static_cast<void>(co_await go.wait());
                co_return tls::verdict::unchanged();
            };
            tls::internal::connection server(
                tls::engine(tls::create_secure_context({.ca = all.root.certificate(),
                                                        .cert = all.server.cert,
                                                        .key = all.server.key,
                                                        .max_version = tls::protocol_version::tlsv1_2}),
                            tls::role::server, {.ask = handlers.questions(), .request_cert = true}),
                std::make_shared<const tls::internal::question_handlers>(handlers));
            auto owned = std::make_unique<held_transport>();
            held_transport& wire = *owned;
            server.connect(std::move(owned));
            openssl_end client(tls::role::client, TLS1_2_VERSION, &all.client);
            const std::span<const std::byte> text = test::as_bytes("data");
            std::size_t written = 0;
            // Moves what there is; the server's side reads or writes.
            const auto move = [&](bool reading) -> task<> {
                client.step();
                wire.arrive(client.output());
                if (reading) {
                    auto taking = read_on(server);
                    static_cast<void>(co_await taking);
                } else {
                    const result<std::size_t> sealed = server.put(std::span(&text, 1), 0);
                    BOOST_TEST_REQUIRE(sealed.has_value());
                    written += *sealed;
                    static_cast<void>(co_await sleep_for(2ms));
                }
                client.feed(wire.leave());
            };
            for (int i = 0; i < 6 && !server.engine().handshake_done(); ++i) {
                auto moving = move(true);
                co_await moving;
            }
            BOOST_TEST_REQUIRE(server.engine().handshake_done());
            client.step();
            SSL_renegotiate(client.ssl());
            SSL_do_handshake(client.ssl());
            for (int i = 0; i < 6; ++i) {
                auto moving = move(reads || i == 0);  // only who reads sees that it begins
                co_await moving;
            }
            BOOST_TEST(asked == 2);
            BOOST_TEST(written == 0U);
            client.step();
            BOOST_TEST(client.received == "");
            go.set();
            for (int i = 0; i < 6 && written == 0; ++i) {
                auto moving = move(reads && i < 3);
                co_await moving;
            }
            client.step();
            BOOST_TEST(written == text.size());
            BOOST_TEST(client.received == "data");
            server.destroy(false);
        });
}

BOOST_AUTO_TEST_SUITE_END()
