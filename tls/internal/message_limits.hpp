#pragma once

#include <coil/tls/error.hpp>
#include <coil/tls/internal/openssl.hpp>

#include <chrono>
#include <optional>

namespace coil::tls::internal {

class engine_state;

/// How much a peer may send that is no data once the first handshake is done: renegotiations, new keys, tickets.
class message_limits {
public:
    /// Messages that may come in a row without data, and after which a read rests.
    static constexpr unsigned most_messages = 32;

    /// OpenSSL tells of every message before it acts on it.
    static void install(SSL_CTX* context) noexcept;

    /// The first ClientHello of a server's connection has come.
    void handshake_begins() noexcept { last_handshake_ = std::chrono::steady_clock::now(); }
    void step_begins() noexcept { messages_in_step_ = 0; }
    void data_came() noexcept { messages_without_data_ = 0; }
    void disable_renegotiation() noexcept { renegotiation_disabled_ = true; }

    /// Whether the step went through so many messages that others should have a turn.
    bool worked_much() const noexcept { return messages_in_step_ >= most_messages; }
    /// Why the connection must end although OpenSSL is content.
    std::optional<errc> attack() const noexcept { return attack_; }

private:
    static void on_message(int written, int version, int kind, const void* bytes, std::size_t size, SSL* ssl,
                           void* argument) noexcept;
    void message_arrived(engine_state& engine, unsigned char type) noexcept;
    std::optional<errc> refuse_renegotiation(bool is_server) noexcept;

    std::chrono::steady_clock::time_point last_handshake_;
    unsigned messages_without_data_ = 0;
    unsigned messages_in_step_ = 0;
    unsigned renegotiations_ = 0;  // that the client asked for
    bool renegotiation_disabled_ = false;
    std::optional<errc> attack_;
};

}  // namespace coil::tls::internal
