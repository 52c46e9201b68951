#pragma once

#include <coil/net/socket.hpp>
#include <coil/runtime/task.hpp>
#include <coil/tls/engine.hpp>

#include <string>
#include <string_view>

namespace coil::test {

/// A TLS peer whose every byte on the wire is in the test's hands, so that it can break the rules.
struct engine_peer {
    net::socket wire;
    tls::engine engine;

    /// Takes the handshake to its end. @return whether that worked.
    task<bool> handshake();
    /// The next plaintext; empty at the end or after an error.
    task<std::string> read();
    task<bool> write(std::string_view text);
    /// Puts close_notify on the wire and leaves the connection open.
    task<bool> close_notify();
    /// Sends what the engine has to send.
    task<bool> flush();
    /// Waits for bytes and gives them to the engine. @return whether any came.
    task<bool> receive();
};

}  // namespace coil::test
