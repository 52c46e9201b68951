#pragma once

#include <coil/tls/tls.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace coil::test {

/// Counts the handlers that are at work.
class at_work {
public:
    explicit at_work(int& count) : count_(&count) { ++count; }
    at_work(const at_work&) = delete;
    at_work& operator=(const at_work&) = delete;
    ~at_work() { --*count_; }

private:
    int* count_;
};

/// An hour, in which it is counted.
task<> wait_for_ever(int& waiting);

/// Stacks on which steps of handshakes wait in this thread.
std::size_t stacks_in_use();

/// What ends a handshake whose handler waits.
enum class ending { client_ends, client_resets, timeout, stop, destroyed_server };
inline constexpr std::array all_endings{ending::client_ends, ending::client_resets, ending::timeout, ending::stop,
                                        ending::destroyed_server};

/// A handshake that waits for a handler of the server.
struct waiting_handshake {
    /// Makes the server, whose handler waits for ever and is counted meanwhile.
    std::function<tls::server(int& waiting, std::chrono::milliseconds timeout, tls::server::connection_handler serve)>
        make_server;
    std::function<tls::connect_options(std::uint16_t port)> client_of;
};

/// Has a client come, ends it while the handler waits, and sees that the handler ends and that nothing stays behind.
task<> end_a_waiting_handshake(waiting_handshake of, ending how);

}  // namespace coil::test
