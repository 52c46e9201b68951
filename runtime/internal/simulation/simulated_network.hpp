#pragma once

#include <coil/runtime/internal/ring/system.hpp>
#include <coil/runtime/internal/simulation/simulated_bell.hpp>
#include <coil/runtime/internal/simulation/simulated_place.hpp>
#include <coil/runtime/internal/simulation/simulated_world.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <sys/socket.h>

namespace coil::internal {

class simulated_network;

/// A stream socket in a simulated network. As in the kernel it lives as long as a descriptor or an operation refers to it,
/// and what it does follows Linux: an error is told once, to whoever asks first, and what had arrived before a reset can
/// still be read.
class simulated_socket : public std::enable_shared_from_this<simulated_socket> {
public:
    simulated_socket(simulated_network& home, int family) noexcept : home_(home), family_(family) {}
    simulated_socket(const simulated_socket&) = delete;
    simulated_socket& operator=(const simulated_socket&) = delete;
    /// The last reference is gone: the peer sees an end, or a reset where something was left unread.
    ~simulated_socket();

    /// As the system calls of these names, minus an errno for a failure; nothing where they would wait.
    /// @{
    /// @param may_be_short  whether it may bring fewer bytes than there are and there is room for.
    std::optional<int> receive(std::span<std::byte> room, bool may_be_short = true);
    std::optional<int> send(std::span<const std::byte> bytes);
    std::optional<int> accept();
    int accept_now();
    int shut_down(int how);
    /// Whether a receive would not wait.
    bool has_news() const noexcept;
    int family() const noexcept { return family_; }
    /// What epoll would tell of it, or'ed. While a connection is being made nobody knows but who makes it.
    std::uint32_t readiness() const noexcept;
    int bind(const simulated_place& where);
    int listen(int backlog);
    void stop_listening();
    int local_address(sockaddr_storage& found, socklen_t& size) const noexcept;
    int remote_address(sockaddr_storage& found, socklen_t& size) const noexcept;
    int set_option(int level, int name, const void* value, socklen_t size);
    int get_option(int level, int name, void* value, socklen_t& size);
    /// @}

    /// Calls `done` once with the outcome, unless the socket has gone by then.
    void connect(const simulated_place& where, std::function<void(int)> done);

    /// For people.
    std::string describe() const;

private:
    friend class simulated_network;

    enum class condition { fresh, listening, connecting, connected, broken };
    struct segment {
        enum class kind { data, end, reset } what;
        std::vector<std::byte> bytes;
    };

    std::size_t room() const noexcept;
    void carry(segment what);
    bool closes_with_reset() const;
    void send_reset();
    void arrive();
    void break_connection();
    void call_at(const simulated_place& where, unsigned attempt, std::function<void(int)> done);
    void conclude(simulated_world::duration wait, int outcome, std::function<void(int)> done);

    simulated_network& home_;
    int family_;
    condition condition_ = condition::fresh;
    simulated_place local_;
    simulated_place remote_;
    bool bound_ = false;
    std::map<std::pair<int, int>, std::vector<std::byte>> options_;

    std::weak_ptr<simulated_socket> peer_;
    std::deque<segment> incoming_;  // on their way here
    std::size_t incoming_bytes_ = 0;
    simulated_world::time_point last_arrival_{};
    std::vector<std::byte> inbox_;
    std::size_t inbox_begin_ = 0;
    std::uint64_t delivered_ = 0;  // bytes that have arrived at the peer
    bool end_received_ = false;
    bool end_sent_ = false;
    bool reset_on_close_ = false;
    int error_ = 0;

    std::deque<std::shared_ptr<simulated_socket>> waiting_;  // connections that nobody has accepted
    std::size_t backlog_ = 0;
};

/// The sockets of a simulated world by their descriptors.
class simulated_network {
public:
    explicit simulated_network(simulated_world& world) noexcept : world_(world) {}
    simulated_network(const simulated_network&) = delete;
    simulated_network& operator=(const simulated_network&) = delete;
    ~simulated_network();

    /// Whether the number is one that this network hands out; the others are the system's.
    static bool owns(int fd) noexcept { return fd >= first_number; }

    /// @param changed  told whenever an operation on a socket may get further; empty: nobody is.
    void on_change(std::function<void(simulated_socket&)> changed) noexcept { changed_ = std::move(changed); }

    /// @param closed  told of each number that is closed; empty: nobody is.
    void on_close(std::function<void(int)> closed) noexcept { told_of_close_ = std::move(closed); }
    /// From now on a number that was closed may come again, as the system's do.
    void reuse_numbers() noexcept { reuses_numbers_ = true; }

    int socket(int family);
    /// The socket with this descriptor. A number that is not open stops the program.
    std::shared_ptr<simulated_socket> find(int fd, const char* purpose) const;
    /// -1 where no descriptor is left.
    int number_of(const simulated_socket& which) const noexcept;
    void close(int fd);
    std::unique_ptr<bell> make_bell();
    /// The bell with this descriptor; null where there is none, or no more.
    std::shared_ptr<simulated_bell::state> find_bell(int fd) const noexcept;
    path_identity identify_path(const std::string& path) const;
    int remove_path(const std::string& path);

private:
    friend class simulated_socket;

    // Far from the numbers of the system. None is used twice unless that is asked for, so that the use of a closed one is seen.
    static constexpr int first_number = 1 << 20;

    int open(std::shared_ptr<simulated_socket> what);
    void changed(simulated_socket& which) const;
    bool is_taken(const simulated_socket& by, const simulated_place& where, bool to_listen) const;
    std::uint16_t free_port(const simulated_socket& by);
    std::shared_ptr<simulated_socket> find_listener(const simulated_place& where);

    simulated_world& world_;
    std::function<void(simulated_socket&)> changed_;
    std::function<void(int)> told_of_close_;
    std::map<int, std::shared_ptr<simulated_socket>> open_;
    std::unordered_map<const simulated_socket*, int> numbers_;
    std::vector<int> closed_numbers_;
    std::map<int, std::weak_ptr<simulated_bell::state>> bells_;
    std::vector<simulated_socket*> bound_;
    std::map<std::string, std::uint64_t> paths_;  // each with a number of its own
    std::uint64_t next_path_ = 1;
    int next_number_ = first_number;
    bool reuses_numbers_ = false;
    bool closing_ = false;
};

}  // namespace coil::internal
