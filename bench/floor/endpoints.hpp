#pragma once

#include "bench/floor/memory_pipe.hpp"
#include "bench/floor/stopwatch.hpp"
#include "bench/scenario.hpp"

#include <cstddef>
#include <span>

namespace bench {

/// A TLS client and a TLS server in one process with no socket between them.
class endpoints {
public:
    /// @param of      what the client agrees to.
    /// @param watch   counts the server's part.
    /// @param newest  session: resumed if the scenario wants that, and replaced.
    endpoints(SSL_CTX* client, SSL_CTX* server, const scenario& of, stopwatch& watch,
              openssl_ptr<SSL_SESSION>* newest = nullptr);

    void handshake();
    /// Both ends close; the server's object is freed.
    void close();
    /// The client is gone without a word; the server's object is freed.
    void abandon();

    void client_write(std::span<const std::byte> bytes);
    /// Reads and checks it.
    void client_read(std::span<const std::byte> expected);
    /// All that is there, to where OpenSSL says that it needs more. @return bytes read.
    std::size_t server_read(std::span<std::byte> buffer);
    void server_write(std::span<const std::byte> bytes);

    void drop_output() noexcept { to_client_.drop = true; }
    /// Leaves only what a server keeps for an idle connection.
    void keep_server_only();

private:
    const scenario* of_;
    bool resumes_ = false;
    memory_pipe to_client_;
    memory_pipe to_server_;
    stopwatch* watch_;
    openssl_ptr<SSL> client_;
    openssl_ptr<SSL> server_;
};

}  // namespace bench
