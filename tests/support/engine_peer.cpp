#include "tests/support/engine_peer.hpp"

#include <array>
#include <span>

namespace coil::test {

task<bool> engine_peer::handshake()
{
    while (true) {
        const tls::status step = engine.handshake();
        auto flushing = flush();
        const bool flushed = co_await flushing;
        if (step == tls::status::done)
            co_return flushed;
        if (step != tls::status::want_input || !flushed)
            co_return false;
        auto receiving = receive();
        const bool received = co_await receiving;
        if (!received)
            co_return false;
    }
}

task<std::string> engine_peer::read()
{
    std::string text(16 * 1024, '\0');
    while (true) {
        const tls::progress step = engine.read(std::as_writable_bytes(std::span(text)));
        auto flushing = flush();
        const bool flushed = co_await flushing;
        static_cast<void>(flushed);
        if (step.status == tls::status::want_input) {
            auto receiving = receive();
            const bool received = co_await receiving;
            if (received)
                continue;
        }
        text.resize(step.bytes);
        co_return text;
    }
}

task<bool> engine_peer::write(std::string_view text)
{
    const tls::progress step = engine.write(std::as_bytes(std::span(text)));
    auto flushing = flush();
    const bool flushed = co_await flushing;
    co_return flushed && step.status == tls::status::done;
}

task<bool> engine_peer::close_notify()
{
    engine.shutdown();
    auto flushing = flush();
    const bool flushed = co_await flushing;
    co_return flushed;
}

task<bool> engine_peer::flush()
{
    while (engine.output_size() > 0) {
        const result<std::size_t> written = co_await wire.write(engine.output());
        if (!written)
            co_return false;
        engine.consume_output(*written);
    }
    co_return true;
}

task<bool> engine_peer::receive()
{
    std::array<std::byte, 4096> bytes;
    const result<std::size_t> count = co_await wire.read(bytes);
    if (!count)
        co_return false;
    engine.feed(std::span<const std::byte>(bytes).first(*count));
    co_return true;
}

}  // namespace coil::test
