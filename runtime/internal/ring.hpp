#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <sys/socket.h>

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

/// What the kernel at hand can do; probed once for each ring.
struct capabilities {
    bool single_issuer = false;     ///< The kernel knows that one thread submits.
    bool defer_taskrun = false;     ///< Completions are worked on only when the loop asks for them.
    bool coop_taskrun = false;      ///< Completions do not interrupt the loop.
    bool submit_all = false;        ///< A failed request does not hold up those behind it.
    bool provided_buffers = false;  ///< Receives take their buffers from a pool when bytes arrive.
    bool multishot_accept = false;
    bool multishot_receive = false;
    bool quiet_sends = false;  ///< A send that succeeds at once need not end the sleep of the loop, see `request::quiet`.
    bool messages = false;  ///< Any thread can post a completion, and so wake whoever waits for one.
    unsigned submission_entries = 0;
    unsigned completion_entries = 0;
    unsigned receive_buffers = 0;

    /// One line for people.
    std::string to_string() const;
};

/// What a ring has counted.
struct ring_counts {
    std::uint64_t overflows = 0;         ///< Entries into the kernel that found completions waiting for room in the queue.
    std::uint64_t lost = 0;              ///< Completions dropped for want of memory.
    unsigned most_buffers_lent = 0;      ///< The most that were ever missing from the pool at once.
};

struct ring_options {
    unsigned submission_entries = 256;
    unsigned completion_entries = 4096;
    /// Receive buffers; a power of two. They are shared by all connections of the ring and lie idle in the kernel.
    unsigned receive_buffers = 256;
    unsigned receive_buffer_size = 4160;
};

/// Which file a path named at some time; none of the default value. A path may name another file later.
struct path_identity {
    std::uint64_t device = 0;
    std::uint64_t number = 0;

    bool operator==(const path_identity&) const = default;
};

/// The seam between the loop and the kernel. Used by one thread.
class ring {
public:
    virtual ~ring() = default;

    virtual const capabilities& supported() const noexcept = 0;
    /// What `wake_ring` takes; -1 where that is not possible.
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

    /// The time that timers go by.
    virtual std::chrono::steady_clock::time_point now() const noexcept = 0;

    /// Whether blocking calls go to other threads. Where not, they run in place: a simulation is the same each time.
    virtual bool has_threads() const noexcept { return true; }

    /// Calls on sockets that neither wait nor need a completion. As the system calls of these names, but a failure is minus
    /// an errno.
    /// @{
    virtual int socket(int family) noexcept = 0;
    virtual int bind(int fd, const sockaddr* where, socklen_t size) noexcept = 0;
    virtual int listen(int fd, int backlog) noexcept = 0;
    /// Takes a connection that has come already; -EAGAIN where there is none.
    virtual int accept_now(int fd) noexcept = 0;
    virtual int local_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept = 0;
    virtual int remote_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept = 0;
    virtual int set_option(int fd, int level, int name, const void* value, socklen_t size) noexcept = 0;
    virtual int get_option(int fd, int level, int name, void* value, socklen_t& size) noexcept = 0;
    virtual void close(int fd) noexcept = 0;
    /// Makes a listening socket refuse connections, and frees its port, although an accept may still hold it open.
    virtual void stop_listening(int /*fd*/) noexcept {}
    /// What the path of a Unix socket names now.
    virtual path_identity identify_path(const char* path) noexcept = 0;
    /// unlink, of a Unix socket.
    virtual int remove_path(const char* path) noexcept = 0;
    /// @}
};

/// `ring::identify_path` of the system, for those who have no ring any more.
path_identity identify_system_path(const char* path) noexcept;

/// Posts a completion with user_data 0 on the ring with this descriptor; from any thread. @return false if that failed.
bool wake_ring(int descriptor) noexcept;

/// An io_uring of the calling thread.
/// Throws: `std::system_error` that names the cause and the cure where the kernel refuses.
std::unique_ptr<ring> make_kernel_ring(const ring_options& options);

}  // namespace coil::internal
