#pragma once

#include <coil/runtime/internal/ring/nonblocking_system.hpp>
#include <coil/runtime/internal/ring/pending_requests.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <sys/epoll.h>

namespace coil::internal {

/// What a ring knows of a descriptor.
struct watched_descriptor {
    waiting_requests waiting;      ///< All that are pending on it, the oldest first.
    std::uint32_t generation = 0;  ///< A number may name one file after the other; an event says which it was of.
    bool registered = false;
    bool fresh = false;     ///< It was accepted and nothing was asked of it since; it is known what kind it is.
    bool dry = false;       ///< Nothing was left to read, and no event since says otherwise.
    bool troubled = false;  ///< An end, an error or urgent data was seen: a short read need not be the last.
    enum : std::uint8_t { unknown, tcp, other } kind = unknown;
};

/// The descriptors that a ring waits for. Each is registered once, the first time that something has to wait for it; each
/// change is told once.
class watched_descriptors {
public:
    explicit watched_descriptors(nonblocking_system& by) noexcept : system_(by) {}
    watched_descriptors(const watched_descriptors&) = delete;
    watched_descriptors& operator=(const watched_descriptors&) = delete;

    /// Only for a descriptor that exists.
    watched_descriptor& at(int fd);
    /// Null where nothing is known.
    watched_descriptor* find(int fd) noexcept;
    /// The one that an event is of; null where the number means something else by now.
    watched_descriptor* of_event(const epoll_event& event) noexcept;

    /// Sees to it that what happens from now on, or what has happened and was not taken, makes an event.
    /// @param verified  another request waits for it, so the number cannot have come to name another file.
    /// @return 0 or minus an errno; -EPERM for what is always ready.
    int watch(int fd, bool verified);

    /// The number is that of a connection that was accepted on `listening`: it is of the same kind, and what it has to read
    /// is told by the event of its registration.
    void adopt(int fd, int listening);
    /// What came after is not the same file.
    void forget(int fd) noexcept;
    /// Whether it is known that there is nothing to read, or that an event will tell.
    bool is_dry(int fd) noexcept;

    /// Whether a read that brought less than it could has taken all there was.
    bool drains_when_short(int fd);

private:
    static constexpr std::size_t block_size = 64;

    bool is_tcp(int fd);
    int register_anew(int fd, watched_descriptor& of) noexcept;

    nonblocking_system& system_;
    std::vector<std::unique_ptr<std::array<watched_descriptor, block_size>>> blocks_;
};

}  // namespace coil::internal
