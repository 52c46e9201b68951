#include "tests/support/tls_loopback.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

namespace coil::test {
namespace {

constexpr std::chrono::seconds patience{6};

task<result<>> finish(std::function<task<>()> body)
{
    task<> running = body();
    co_await running;
    co_return result<>();
}

task<result<>> watched(std::function<task<>()> body, std::chrono::seconds limit, bool& late)
{
    const auto start = std::chrono::steady_clock::now();
    auto limited = with_timeout(limit, finish(std::move(body)));
    result<> outcome = co_await limited;
    late = std::chrono::steady_clock::now() - start >= limit;
    co_return outcome;
}

template <class Socket>
task<std::string> read_everything(Socket& from, std::error_code& why)
{
    std::string all;
    std::vector<std::byte> buffer(64 * 1024);
    while (true) {
        const result<std::size_t> count = co_await from.read(buffer);
        if (!count) {
            why = count.error();
            co_return all;
        }
        all.append(reinterpret_cast<const char*>(buffer.data()), *count);
    }
}

}  // namespace

void run(std::function<task<>()> body, std::chrono::seconds limit)
{
    loop loop;
    bool late = false;
    const result<> outcome = loop.run(watched(std::move(body), limit, late));
    BOOST_TEST(!late, "the test took longer than it may");
    BOOST_TEST(name_of(outcome) == "");
}

tls::secure_context_options only(tls::protocol_version version)
{
    return {.max_version = version, .min_version = version};
}

tls::server_options serving(const identity& who, tls::server_options options, tls::secure_context_options context)
{
    BOOST_REQUIRE(!options.secure_context);
    context.cert = who.cert;
    context.key = who.key;
    options.secure_context = context;
    return options;
}

tls::connect_options client_of(std::uint16_t port, tls::connect_options options, tls::secure_context_options context)
{
    options.host = "127.0.0.1";
    options.port = port;
    BOOST_REQUIRE(!options.secure_context);
    if (context.ca.empty())
        context.ca = shared_credentials().root.certificate();
    options.secure_context = context;
    return options;
}

std::uint16_t listen_anywhere(tls::server& server)
{
    server.listen({.host = "127.0.0.1"}).value();
    return server.address()->port();
}

std::uint16_t listen_anywhere(net::server& server)
{
    server.listen({.host = "127.0.0.1"}).value();
    return server.address()->port();
}

task<> echo(tls::socket socket)
{
    std::vector<std::byte> buffer(16 * 1024);
    while (true) {
        const result<std::size_t> count = co_await socket.read(buffer);
        if (!count)
            break;
        const result<std::size_t> written = co_await socket.write(std::span<const std::byte>(buffer).first(*count));
        if (!written)
            break;
    }
}

task<> read_to_the_end(tls::socket socket)
{
    std::error_code why;
    auto reading = read_all(socket, why);
    const std::string dropped = co_await reading;
    static_cast<void>(dropped);
}

task<std::string> read_exactly(tls::socket& from, std::size_t size)
{
    std::string all(size, '\0');
    std::size_t filled = 0;
    while (filled < size) {
        const result<std::size_t> count = co_await from.read(std::as_writable_bytes(std::span(all)).subspan(filled));
        if (!count)
            break;
        filled += *count;
    }
    all.resize(filled);
    co_return all;
}

task<std::string> read_all(tls::socket& from, std::error_code& why)
{
    return read_everything(from, why);
}

task<std::string> read_all(net::socket& from, std::error_code& why)
{
    return read_everything(from, why);
}

task<bool> echoes(tls::socket& through, std::string text)
{
    const result<std::size_t> written = co_await through.write(text);
    if (!written)
        co_return false;
    auto reading = read_exactly(through, text.size());
    const std::string answer = co_await reading;
    co_return answer == text;
}

tls_pair::tls_pair(tls::server_options server_options, tls::connect_options client_options,
                   tls::secure_context_options server_context)
    : server(
          tls::create_server(serving(shared_credentials().server, std::move(server_options), std::move(server_context)),
                             [this](tls::socket socket) -> task<> {
                                 accepted.emplace(std::move(socket));
                                 co_return;
                             })),
      port(listen_anywhere(server)),
      client(tls::connect(client_of(port, std::move(client_options))))
{
}

tls_pair::tls_pair(tls::protocol_version version) : tls_pair({}, {}, only(version)) {}

task<bool> tls_pair::open()
{
    auto connecting = client.secure_connect();
    const result<> connected = co_await connecting;
    auto accepting = eventually([this] { return accepted.has_value(); });
    const bool both = co_await accepting;
    co_return connected&& both;
}

task<bool> eventually(std::function<bool()> met)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!met() && std::chrono::steady_clock::now() < deadline) {
        const result<> slept = co_await sleep_for(std::chrono::milliseconds(5));
        if (!slept)
            break;
    }
    co_return met();
}

}  // namespace coil::test
