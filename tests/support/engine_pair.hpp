#pragma once

#include <coil/tls/engine.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace coil::test {

/// One end of a connection in memory, with what it has read and how it stands.
struct engine_end {
    tls::engine engine;
    std::string received = {};
    tls::status status = tls::status::want_input;
    /// Called where the engine asks; empty: it is left waiting.
    std::function<void(tls::engine& asking)> answer = {};

    /// Takes the engine as far as it goes: the handshake, then all plaintext that is there.
    void step();
    /// Writes all of `text`; whether that worked.
    bool write(std::string_view text);
    /// The error's Node code; empty if there was none.
    std::string code() const { return engine.error_info().code; }
};

/// A client and a server that talk in memory.
class engine_pair {
public:
    static constexpr std::size_t whole = static_cast<std::size_t>(-1);

    engine_pair(const tls::secure_context& client_context, tls::engine_options client_options,
                const tls::secure_context& server_context, tls::engine_options server_options);

    /// Moves ciphertext both ways until neither end has any left. @param piece  bytes that arrive at a time.
    void pump(std::size_t piece = whole);
    /// Starts the handshake and pumps. @return whether both ends finished it.
    bool handshake(std::size_t piece = whole);

    engine_end client;
    engine_end server;

private:
    static bool deliver(engine_end& from, engine_end& to, std::size_t piece);
};

/// Answers a ClientHello that names a server as a server with this `sni_callback` does.
std::function<void(tls::engine&)> by_name(std::function<tls::sni_answer(const std::string&)> sni_callback);

/// All ciphertext that an engine wants to send, taken from it.
std::string take_output(tls::engine& from);

std::span<const std::byte> as_bytes(std::string_view text);

}  // namespace coil::test
