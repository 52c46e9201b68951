#pragma once

#include <coil/runtime/internal/ring/nonblocking_system.hpp>
#include <coil/runtime/internal/simulation/simulated_network.hpp>
#include <coil/runtime/internal/simulation/simulated_world.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coil::internal {

/// What a ring on epoll calls, in a simulated world. It behaves like Linux, at its roughest: several changes make one event,
/// events come late, in any order and some at a time, some of them for nothing, and some of files that were closed, whose
/// numbers belong to others by then.
class simulated_epoll final : public nonblocking_system {
public:
    simulated_epoll(simulated_world& world, simulated_network& network);
    ~simulated_epoll() override;

    std::chrono::steady_clock::time_point now() const noexcept override { return world_.now(); }

    int watch(int fd, std::uint32_t events, std::uint64_t tag) noexcept override;
    int watch_again(int fd, std::uint32_t events, std::uint64_t tag) noexcept override;
    int wait(std::span<epoll_event> events, std::optional<std::chrono::nanoseconds> wait) override;
    bool has_events() const noexcept override;

    int receive(int fd, void* memory, std::size_t size) noexcept override;
    int send(int fd, const void* bytes, std::size_t size, int flags) noexcept override;
    int send_message(int fd, const msghdr& message, int flags) noexcept override;
    int accept(int fd) noexcept override;
    int connect(int fd, const sockaddr* where, socklen_t size) noexcept override;
    int poll(int fd, std::uint32_t events) noexcept override;
    int shut_down(int fd, int how) noexcept override;
    int close(int fd) noexcept override;

    int transfer(const request& wanted, descriptor_kind kind) noexcept override;
    int transfer_plainly(const request& wanted, int fd) noexcept override;
    int private_description(int) override { return -1; }
    void forget_private_description(int) noexcept override {}

    int kind_of(int fd) noexcept override;
    bool is_nonblocking(int fd) noexcept override;
    bool set_nonblocking(int fd, bool on) noexcept override;
    bool is_listening(int fd) noexcept override;
    bool is_tcp(int fd) noexcept override;

    /// In place: a simulation is the same each time.
    std::error_code run(job& call) override;

private:
    /// What is watched.
    struct registration {
        std::uint32_t events = 0;
        std::uint64_t tag = 0;
        std::uint64_t serial = 0;
        bool ready = false;      // there is an event, unless it turns out that there is nothing to tell
        std::uint64_t rung = 0;  // how often, when it was last looked at; of a bell
        std::uint32_t seen = 0;  // what it was ready for then; of a descriptor of the system
    };
    /// A connection that is being made. The outcome is told once.
    struct connecting {
        std::uint64_t serial = 0;
        std::optional<int> outcome;
    };

    std::uint32_t state_of(int fd) const;
    std::uint32_t state_of(const simulated_socket& which, int fd) const;
    void socket_changed(const simulated_socket& which);
    void mark(int fd, std::uint64_t serial) noexcept;
    void closed(int fd);
    void look_around();
    std::vector<epoll_event> events_now();
    int take(std::span<epoll_event> room);
    void give_up(const char* why);
    void give_up_after(simulated_world::time_point then);

    simulated_world& world_;
    simulated_network& network_;
    std::map<int, registration> watched_;
    std::map<int, connecting> connecting_;
    std::map<int, bool> tcp_;
    std::vector<epoll_event> stale_;  // of files that were closed, and that somebody else keeps open
    std::uint64_t next_serial_ = 1;
    std::uint64_t turns_ = 0;
    bool failed_ = false;
};

}  // namespace coil::internal
