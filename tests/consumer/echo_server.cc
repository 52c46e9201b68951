#include <coil/runtime/run_until_signal.hpp>
#include <coil/tls/tls.hpp>

#include <array>
#include <span>

using namespace coil;

task<> echo(tls::socket socket)
{
    std::array<std::byte, 16 * 1024> buffer;
    while (auto n = co_await socket.read(buffer))
        if (!co_await socket.write(std::span(buffer).first(*n)))
            co_return;
}

task<result<>> serve()
{
    auto server = tls::create_server({.secure_context = {{.cert = tls::file("cert.pem"), .key = tls::file("key.pem")}}}, echo);
    server.listen({.port = 8000}).value();
    co_return co_await server.closed();
}

int main()
{
    loop loop;
    return run_until_signal(loop, serve()) ? 0 : 1;  // SIGTERM lets open connections finish
}
