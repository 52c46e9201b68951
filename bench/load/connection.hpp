#pragma once

#include "bench/load/poller.hpp"
#include "bench/openssl.hpp"
#include "bench/protocol.hpp"
#include "bench/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace bench {

/// Where a load goes to.
struct target {
    /// Of the protocol that is spoken.
    std::uint16_t port;
    protocol speaks;
    /// Null: no TLS.
    SSL_CTX* context;
    /// What the context was made for; null without one.
    const scenario* of;
    /// What clients ask for; null: they name nobody.
    const char* servername = nullptr;
};

/// A client's connection to this host, with or without TLS, that never waits.
class connection {
public:
    /// @param owner   is told when it is worth going on; outlives the connection.
    /// @param newest  session, to be resumed if the scenario wants that, and replaced; outlives the connection.
    connection(poller& poll, session& owner, const target& to, openssl_ptr<SSL_SESSION>* newest = nullptr);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection();

    /// Connects and no more. @return whether that is done. Throws: `failure`.
    bool connect();
    /// Connects and shakes hands. @return whether that is done. Throws: `failure`.
    bool open();
    /// Says whether the owner is told of news. It is at first; what came while it was not is told afterwards.
    void watch(bool watched);
    /// @return bytes read; 0: none have come yet. Throws: `failure`, also at the end.
    std::size_t read(std::span<std::byte> buffer);
    /// @return bytes written; 0: none can be taken yet. Throws: `failure`.
    std::size_t write(std::span<const std::byte> bytes);
    /// Ends the sending side.
    void end();
    /// Makes the end of this object a reset, which the peer's kernel reports as an error.
    void reset();
    /// Drops what comes. @return whether the peer has ended its side in order. Throws: `failure`.
    bool closed();

private:
    void call(std::uint16_t port);
    void begin_handshake();
    void check_handshake() const;
    void want_output(bool wanted);
    int tls_result(int result, const char* what);

    poller* poll_;
    session* owner_;
    SSL_CTX* context_;
    const scenario* of_;
    const char* servername_;
    openssl_ptr<SSL_SESSION>* newest_;
    bool resumes_ = false;
    openssl_ptr<SSL> ssl_;
    int descriptor_ = -1;
    bool connected_ = false;
    bool open_ = false;
    bool wants_output_ = true;
    bool watched_ = true;
};

}  // namespace bench
