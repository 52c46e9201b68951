// signing_process SOCKET KEY: signs with the key in the file KEY what comes through a Unix socket: a scheme (2 bytes), a length
// (4 bytes) and a message, all big-endian; the answer is a length and the signature.

#include <coil/net/server.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/tls/private_key.hpp>

#include <array>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

using namespace coil;

namespace {

task<std::vector<std::byte>> read_exactly(net::socket& from, std::size_t size)
{
    std::vector<std::byte> bytes(size);
    std::size_t have = 0;
    while (have < size) {
        const result<std::size_t> got = co_await from.read(std::span(bytes).subspan(have));
        if (!got)
            co_return std::vector<std::byte>();
        have += *got;
    }
    co_return bytes;
}

std::size_t number(std::span<const std::byte> bytes)
{
    std::size_t value = 0;
    for (const std::byte each : bytes)
        value = value << 8 | static_cast<std::size_t>(each);
    return value;
}

task<> serve(net::socket socket, tls::private_key key)
{
    auto reading = read_exactly(socket, 6);
    const std::vector<std::byte> head = co_await reading;
    if (head.empty())
        co_return;
    tls::signature_request request;
    request.scheme = static_cast<tls::signature_scheme>(number(std::span(head).first(2)));
    auto taking = read_exactly(socket, number(std::span(head).subspan(2)));
    request.message = co_await taking;
    const std::vector<std::byte> made = key.sign(request).bytes;
    std::vector<std::byte> answer;
    for (int shift = 24; shift >= 0; shift -= 8)
        answer.push_back(static_cast<std::byte>(made.size() >> shift));
    answer.insert(answer.end(), made.begin(), made.end());
    const result<std::size_t> sent = co_await socket.write(answer);
    static_cast<void>(sent);  // who asked may have gone
    const result<> ended = co_await socket.end();
    static_cast<void>(ended);
}

task<> listen(std::string path, tls::private_key key)
{
    net::server server =
        net::create_server({}, [key](net::socket accepted) { return serve(std::move(accepted), key); });
    server.listen({.path = path}).value();
    std::puts("ready");
    std::fflush(stdout);
    const result<> closed = co_await server.closed();
    static_cast<void>(closed);
}

}  // namespace

int main(int count, char** words)
{
    if (count != 3)
        return 2;
    loop here;
    here.run(listen(words[1], tls::private_key(tls::file(words[2]))));
}
