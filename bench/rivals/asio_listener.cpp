#include "bench/rivals/asio_listener.hpp"

#include "bench/scenario.hpp"
#include "bench/server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bench {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using tls_stream = asio::ssl::stream<tcp::socket>;

awaitable<void> echo(tls_stream& stream)
{
    std::array<char, echo_buffer_size> buffer;
    for (;;) {
        const std::size_t size = co_await stream.async_read_some(asio::buffer(buffer), use_awaitable);
        co_await asio::async_write(stream, asio::buffer(buffer, size), use_awaitable);
    }
}

awaitable<std::uint64_t> read_length(tls_stream& stream, std::array<unsigned char, 8>& bytes)
{
    co_await asio::async_read(stream, asio::buffer(bytes), use_awaitable);
    std::uint64_t length = 0;
    for (const unsigned char one : bytes)
        length = length << 8 | one;
    co_return length;
}

awaitable<void> download(tls_stream& stream)
{
    std::array<unsigned char, 8> bytes;
    for (;;) {
        std::uint64_t left = co_await read_length(stream, bytes);
        while (left != 0) {
            const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left, write_size));
            co_await asio::async_write(stream, asio::buffer(pattern().data(), part), use_awaitable);
            left -= part;
        }
    }
}

awaitable<void> upload(tls_stream& stream)
{
    std::array<unsigned char, 8> bytes;
    std::vector<char> buffer(write_size);
    for (;;) {
        std::uint64_t left = co_await read_length(stream, bytes);
        while (left != 0) {
            const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
            left -= co_await stream.async_read_some(asio::buffer(buffer.data(), part), use_awaitable);
        }
        co_await asio::async_write(stream, asio::buffer(bytes), use_awaitable);
    }
}

awaitable<void> http(tls_stream& stream)
{
    std::string received;
    for (;;) {
        const std::size_t end = co_await asio::async_read_until(stream, asio::dynamic_buffer(received, 64 * 1024),
                                                                "\r\n\r\n", use_awaitable);
        received.erase(0, end);
        co_await asio::async_write(stream, asio::buffer(http_answer), use_awaitable);
    }
}

using handler = awaitable<void> (*)(tls_stream&);

awaitable<void> serve_one(tcp::socket socket, asio::ssl::context& context, handler handle)
{
    tls_stream stream(std::move(socket), context);
    bool ended = false;
    try {
        stream.next_layer().set_option(tcp::no_delay(true));
        co_await stream.async_handshake(tls_stream::server, use_awaitable);
        co_await handle(stream);
    } catch (const boost::system::system_error& error) {
        ended = error.code() == asio::error::eof;
    }
    if (ended) {
        boost::system::error_code ignored;
        co_await stream.async_shutdown(asio::redirect_error(use_awaitable, ignored));
    }
}

handler handler_of(protocol spoken)
{
    switch (spoken) {
    case protocol::echo: break;
    case protocol::download: return download;
    case protocol::upload: return upload;
    case protocol::http: return http;
    }
    return echo;
}

}  // namespace

asio::ssl::context make_asio_context(const std::string& certificate_file, const std::string& key_file)
{
    asio::ssl::context context(asio::ssl::context::tls_server);
    context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    context.use_certificate_chain_file(certificate_file);
    context.use_private_key_file(key_file, asio::ssl::context::pem);
    // As coil does it: tickets only, of which there are two.
    SSL_CTX_set_session_cache_mode(context.native_handle(), SSL_SESS_CACHE_OFF);
    return context;
}

awaitable<void> accept_with_asio(asio::io_context& loop, int listener, asio::ssl::context& context, protocol spoken)
{
    tcp::acceptor acceptor(loop, tcp::v4(), listener);
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
        asio::co_spawn(loop, serve_one(std::move(socket), context, handler_of(spoken)), asio::detached);
    }
}

}  // namespace bench
