#pragma once

#include <coil/runtime/internal/ring/system.hpp>
#include <coil/runtime/internal/simulation/simulated_network.hpp>
#include <coil/runtime/internal/simulation/simulated_world.hpp>

namespace coil::internal {

/// The calls of a simulated world: the clock is the world's, sockets are its network's. Descriptors that do not come from
/// there are the system's.
class simulated_system final : public system {
public:
    simulated_system(simulated_world& world, simulated_network& network) noexcept : world_(world), network_(network) {}

    time_point now() const noexcept override { return world_.now(); }
    bool has_threads() const noexcept override { return false; }

    int socket(int family) noexcept override;
    int bind(int fd, const sockaddr* where, socklen_t size) noexcept override;
    int listen(int fd, int backlog) noexcept override;
    int accept_now(int fd) noexcept override;
    int local_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept override;
    int remote_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept override;
    int set_option(int fd, int level, int name, const void* value, socklen_t size) noexcept override;
    int get_option(int fd, int level, int name, void* value, socklen_t& size) noexcept override;
    void close(int fd) noexcept override;
    void stop_listening(int fd) noexcept override;
    path_identity identify_path(const char* path) noexcept override;
    int remove_path(const char* path) noexcept override;
    std::unique_ptr<bell> make_bell() override { return network_.make_bell(); }
    int open_spare() noexcept override;

private:
    simulated_world& world_;
    simulated_network& network_;
};

}  // namespace coil::internal
