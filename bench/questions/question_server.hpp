#pragma once

#include "bench/credentials.hpp"
#include "bench/process.hpp"
#include "bench/processors.hpp"
#include "bench/questions/serve.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench::questions {

/// What a server tells of itself.
struct server_state {
    std::size_t connections = 0;
    /// How often each question of the table was asked, and how many handshakes wait in it.
    std::vector<std::size_t> asked;
    std::vector<std::size_t> waiting;
};

/// A server in a process of its own, which listens. Everything throws `failure`.
class question_server {
public:
    /// @param asked  of those that are `prepared`.
    question_server(const credentials& with, const processors& where, std::chrono::milliseconds wait,
                    const std::vector<const question*>& prepared, const std::vector<const question*>& asked);
    question_server(const question_server&) = delete;
    question_server& operator=(const question_server&) = delete;
    ~question_server();

    std::uint16_t port() const noexcept { return port_; }
    server_state tell();
    void hold() { order(command::hold); }
    void release() { order(command::release); }
    void trim() { order(command::trim); }

    /// Waits until it has so many connections.
    void wait_for_connections(std::size_t count);
    std::chrono::nanoseconds cpu_time() const { return process_.cpu_time(); }
    /// In bytes, once that has not changed for so long; the last figure if it goes on changing.
    double settled_memory(std::chrono::milliseconds calm);

private:
    std::string order(command what);
    std::string read_line();

    int listener_;
    process process_;
    int control_ = -1;
    std::uint16_t port_ = 0;
};

}  // namespace bench::questions
