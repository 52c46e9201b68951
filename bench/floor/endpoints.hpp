#pragma once

#include "bench/floor/memory_pipe.hpp"
#include "bench/floor/stopwatch.hpp"

#include <cstddef>
#include <span>

namespace bench {

/// A TLS client and a TLS server in one process with no socket between them.
class endpoints {
public:
    /// @param watch  counts the server's part.
    endpoints(SSL_CTX* client, SSL_CTX* server, stopwatch& watch);

    void handshake();
    /// Both ends close; the server's object is freed.
    void close();

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
    memory_pipe to_client_;
    memory_pipe to_server_;
    stopwatch* watch_;
    openssl_ptr<SSL> client_;
    openssl_ptr<SSL> server_;
};

}  // namespace bench
