#pragma once

#include <coil/runtime/backend.hpp>
#include <coil/runtime/internal/ring/capabilities.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace coil::internal {

/// What a ring can be asked to do.
enum class opcode : std::uint8_t {
    accept,            ///< fd
    receive,           ///< fd, address, length
    receive_provided,  ///< fd; many completions, each with a buffer of the ring's own pool
    send,              ///< fd, address, length, option = MSG_ flags
    send_message,      ///< fd, address = msghdr, length = bytes of all parts, option as for `send`
    connect,           ///< fd, address = sockaddr, length
    shut_down,         ///< fd, option = SHUT_WR …
    close,             ///< fd
    read,              ///< fd, address, length, offset, option = 1: never on the loop's thread
    write,             ///< fd, address, length, offset, option = 1: never on the loop's thread
    open,              ///< fd = folder, address = path, offset = address of an open_how
    status,            ///< fd = folder, address = path, option = AT_ flags, offset = address of a statx
    synchronize,       ///< fd
    poll,              ///< fd, option = POLLIN … or-ed; once
    cancel,            ///< offset = user_data of the operation to cancel
};

/// One request to the kernel, in the ring's own words.
struct request {
    opcode code = opcode::close;
    /// Nobody waits for it to succeed: its success ends no sleep, and `next` tells of it after a later entry. A failure, and a
    /// part where the whole was wanted, is told as ever. Only for sends that do not wait (MSG_DONTWAIT), on a ring that has
    /// `quiet_sends`. Who comes to need the outcome enters without sleeping until it is there.
    bool quiet = false;
    int fd = -1;
    const void* address = nullptr;
    std::uint32_t length = 0;
    std::uint32_t option = 0;
    std::uint64_t offset = 0;
    std::uint64_t user_data = 0;
};

/// What became of a request.
struct completion {
    std::uint64_t user_data = 0;
    int result = 0;           ///< As a system call's: not negative, or minus an errno.
    bool more = false;        ///< The request goes on and completes again.
    bool has_buffer = false;  ///< `buffer` names a buffer of the pool that now holds the bytes.
    std::uint16_t buffer = 0;
};

/// What a ring has counted.
struct ring_counts {
    std::uint64_t overflows = 0;         ///< Entries into the kernel that found completions waiting for room in the queue.
    std::uint64_t lost = 0;              ///< Completions dropped for want of memory.
    unsigned most_buffers_lent = 0;      ///< The most that were ever missing from the pool at once.
};

struct ring_options {
    coil::backend backend = coil::backend::automatic;
    /// What `capabilities::reason` says.
    std::string reason;
    /// Have the kernel refuse on an io_uring what coil does not use, where it can.
    bool restricted = true;
    unsigned submission_entries = 256;
    unsigned completion_entries = 4096;
    /// Receive buffers; a power of two. They are shared by all connections of the ring and lie idle in the kernel.
    unsigned receive_buffers = 256;
    unsigned receive_buffer_size = 4160;
};

/// One half of the seam between a loop and the kernel: requests and what becomes of them. Used by one thread.
class ring {
public:
    virtual ~ring() = default;

    virtual const capabilities& supported() const noexcept = 0;
    /// What `wake_uring` takes; -1 where that is not possible.
    virtual int descriptor() const noexcept { return -1; }

    /// Queues a request for the next `enter`. @return false if the queue is full: enter, then try again.
    virtual bool submit(const request& wanted) noexcept = 0;

    /// Hands all queued requests over and waits until there is a completion or `wait` is over.
    /// The success of a quiet request is told after an entry that has ended for another reason. An entry does not sleep where
    /// quiet requests of an earlier one are still undecided.
    /// @param wait  none: as long as it takes; zero: not at all.
    virtual void enter(std::optional<std::chrono::nanoseconds> wait) = 0;

    /// Whether an entry would find completions. A ring that cannot tell says yes.
    virtual bool has_news() const noexcept { return true; }

    /// Takes the oldest completion. @return false if there is none.
    virtual bool next(completion& taken) noexcept = 0;

    /// Cancels the operation with this `user_data` and returns when it no longer touches memory. Its completion follows.
    virtual void cancel_now(std::uint64_t user_data) noexcept = 0;

    /// The memory of a receive buffer; null when the ring has no pool.
    virtual std::byte* buffer(std::uint16_t id) noexcept = 0;
    /// Gives a receive buffer back to the pool.
    virtual void return_buffer(std::uint16_t id) noexcept = 0;
    /// Receive buffers that are not in the pool.
    virtual unsigned buffers_lent() const noexcept = 0;
    virtual unsigned buffer_size() const noexcept = 0;

    virtual ring_counts counts() const noexcept = 0;

    /// The number `fd` is about to be closed, and may then belong to something else: what is queued goes to the kernel now.
    virtual void forget(int fd) noexcept = 0;
};

/// A ring of the calling thread, on what `options.backend` says and the kernel allows. Where that is `automatic`, the
/// environment's COIL_BACKEND is asked first.
/// Throws: `std::system_error` that names the cause and the cure where the kernel refuses what was demanded, or where
/// COIL_BACKEND names nothing known; `std::invalid_argument` for receive buffers that no ring can have.
std::unique_ptr<ring> make_ring(const ring_options& options);

}  // namespace coil::internal
