// A client of OpenSSL's own asks for new keys without end and reads nothing. Its connection is ended; others are served, and
// what is kept for it is bounded.
#include "tests/simulation/scene.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/internal/chunk.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/connect.hpp>
#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/server.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <utility>
#include <vector>

namespace coil::test {
namespace {

/// What the connections of this program may hold together at any time.
constexpr std::size_t most_chunks = 200;

struct story {
    scene& on;
    std::uint16_t port = 0;
    std::size_t chunks_before = 0;
};

/// TLS by hand over a plain socket.
class attacker {
public:
    explicit attacker(net::socket wire) : wire_(std::move(wire)), context_(SSL_CTX_new(TLS_client_method()))
    {
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_connect_state(ssl_.get());
    }

    /// @return whether there is a connection of TLS 1.3.
    task<bool> handshake()
    {
        bool going = true;
        while (going && SSL_do_handshake(ssl_.get()) != 1) {
            auto sending = flush();
            going = co_await sending;
            if (going) {
                auto receiving = receive();
                going = co_await receiving;
            }
        }
        ERR_clear_error();
        co_return going&& SSL_version(ssl_.get()) == TLS1_3_VERSION;
    }

    task<result<>> ask_for_keys(std::size_t times)
    {
        for (std::size_t i = 0; i < times; ++i) {
            SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED);
            SSL_do_handshake(ssl_.get());
        }
        auto sending = flush();
        const bool sent = co_await sending;
        if (!sent)
            co_return errc::reset;
        co_return result<>();
    }

    task<> read_to_the_end()
    {
        bool more = true;
        while (more) {
            auto receiving = receive();
            more = co_await receiving;
        }
    }

private:
    task<bool> flush()
    {
        char* data = nullptr;
        const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
        const std::vector<std::byte> bytes(reinterpret_cast<std::byte*>(data),
                                           reinterpret_cast<std::byte*>(data) + size);
        (void)BIO_reset(SSL_get_wbio(ssl_.get()));
        const result<std::size_t> written = co_await wire_.write(bytes);
        co_return written.has_value();
    }

    task<bool> receive()
    {
        std::array<std::byte, 4000> buffer;
        const result<std::size_t> size = co_await wire_.read(buffer);
        if (size)
            BIO_write(SSL_get_rbio(ssl_.get()), buffer.data(), static_cast<int>(*size));
        co_return size.has_value();
    }

    net::socket wire_;
    tls::internal::ssl_ctx_ptr context_;
    tls::internal::ssl_ptr ssl_;
};

void check_memory(const story& all)
{
    require(internal::chunks_in_use() < all.chunks_before + most_chunks, "flood: memory grows");
}

task<> attack(story& all)
{
    scene& on = all.on;
    net::connect_options options;
    options.host = "127.0.0.1";
    options.port = all.port;
    net::socket wire = net::connect(options);
    auto connecting = wire.connect();
    const auto connected = co_await connecting;
    if (!connected)
        co_return;
    attacker one(std::move(wire));
    auto shaking = one.handshake();
    const bool is_open = co_await shaking;
    if (!is_open)
        co_return;
    bool taken = true;
    for (std::size_t round = 0; taken && round < 8; ++round) {
        auto asking = with_timeout(std::chrono::minutes(1), one.ask_for_keys(1 + on.below(100)));
        const result<> asked = co_await asking;
        taken = asked.has_value();
        check_memory(all);
        static_cast<void>(co_await sleep_for(on.random_time(std::chrono::milliseconds(1))));
    }
    // A connection that is not ended waits for ever here, and the run fails.
    auto reading = one.read_to_the_end();
    co_await reading;
}

task<> echo(story& all, tls::socket peer)
{
    std::array<std::byte, 3000> buffer;
    while (true) {
        const result<std::size_t> got = co_await peer.read(buffer);
        if (!got)
            co_return;
        check_memory(all);
        const result<std::size_t> written = co_await peer.write(std::span(buffer).first(*got));
        if (!written)
            co_return;
    }
}

task<> honest_client(story& all)
{
    scene& on = all.on;
    tls::connect_options options;
    options.secure_context = on.client_context;
    options.host = "127.0.0.1";
    options.port = all.port;
    tls::socket socket = tls::connect(std::move(options));
    auto opening = socket.secure_connect();
    const auto open = co_await opening;
    if (!open) {
        on.allow_loss(open.error(), "flood: secure_connect");
        co_return;
    }
    std::array<std::byte, 2000> buffer;
    for (std::size_t i = 0; i < 20; ++i) {
        const std::vector<std::byte> sent = on.random_bytes(1 + on.below(buffer.size()));
        const result<std::size_t> written = co_await socket.write(sent);
        if (!written) {
            on.allow_loss(written.error(), "flood: write");
            co_return;
        }
        for (std::size_t got = 0; got < sent.size();) {
            const result<std::size_t> part = co_await socket.read(std::span(buffer).subspan(got, sent.size() - got));
            if (!part) {
                on.allow_loss(part.error(), "flood: read");
                co_return;
            }
            got += *part;
        }
        require(std::equal(sent.begin(), sent.end(), buffer.begin()), "flood: other bytes came back");
    }
    static_cast<void>(co_await socket.end());
}

task<> main_task(scene& on)
{
    story all{on};
    all.chunks_before = internal::chunks_in_use();
    tls::server_options options;
    options.secure_context = on.server_context;
    tls::server server = tls::create_server(options, [&all](tls::socket peer) { return echo(all, std::move(peer)); });
    server.on_uncaught([&on](std::exception_ptr failure) { on.note_failure(std::move(failure)); });
    const result<> listening = server.listen({.host = "127.0.0.1"});
    require(listening.has_value(), "flood: listen");
    all.port = server.address()->port();
    scope clients;
    clients.spawn(attack(all));
    for (std::size_t count = on.below(4); count > 0; --count)
        clients.spawn(honest_client(all));
    co_await clients.join();
    static_cast<void>(server.close());
    static_cast<void>(co_await server.closed());
}

}  // namespace

void play_flood(scene& on)
{
    on.run(main_task(on));
}

}  // namespace coil::test
