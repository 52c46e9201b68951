#include "tests/support/engine_pair.hpp"

#include <algorithm>
#include <array>

namespace coil::test {

std::span<const std::byte> as_bytes(std::string_view text)
{
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string take_output(tls::engine& from)
{
    std::string bytes;
    while (!from.output().empty()) {
        const std::span<const std::byte> run = from.output();
        bytes.append(reinterpret_cast<const char*>(run.data()), run.size());
        from.consume_output(run.size());
    }
    return bytes;
}

void engine_end::step()
{
    status = engine.handshake();
    std::array<std::byte, 4096> buffer;
    while (status == tls::status::done || (status == tls::status::want_answer && answer)) {
        if (status == tls::status::want_answer)
            answer(engine);
        const tls::progress step = engine.read(buffer);
        status = step.status;
        received.append(reinterpret_cast<const char*>(buffer.data()), step.bytes);
    }
}

std::function<void(tls::engine&)> by_name(std::function<tls::sni_answer(const std::string&)> sni_callback)
{
    return [sni_callback = std::move(sni_callback)](tls::engine& asking) {
        const std::string name = std::get<tls::client_hello>(asking.asked()).servername;
        try {
            asking.answer(name.empty() ? tls::sni_answer() : sni_callback(name));
        } catch (...) {
            asking.fail(std::current_exception());
        }
    };
}

bool engine_end::write(std::string_view text)
{
    const tls::progress step = engine.write(as_bytes(text));
    return step.status == tls::status::done && step.bytes == text.size();
}

engine_pair::engine_pair(const tls::secure_context& client_context, tls::engine_options client_options,
                         const tls::secure_context& server_context, tls::engine_options server_options)
    : client{tls::engine(client_context, tls::role::client, std::move(client_options))},
      server{tls::engine(server_context, tls::role::server, std::move(server_options))}
{
}

bool engine_pair::deliver(engine_end& from, engine_end& to, std::size_t piece)
{
    const std::string bytes = take_output(from.engine);
    for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
        to.engine.feed(as_bytes(std::string_view(bytes).substr(at, piece)));
        to.step();
    }
    return !bytes.empty();
}

void engine_pair::pump(std::size_t piece)
{
    bool moved = true;
    while (moved) {
        moved = deliver(client, server, piece);
        moved = deliver(server, client, piece) || moved;
    }
}

bool engine_pair::handshake(std::size_t piece)
{
    client.step();
    pump(piece);
    return client.engine.handshake_done() && server.engine.handshake_done();
}

}  // namespace coil::test
