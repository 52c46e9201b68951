#include <coil/runtime/internal/ring/uring.hpp>

#include <coil/runtime/internal/poison.hpp>
#include <coil/runtime/internal/ring/quiet_sends.hpp>
#include <coil/runtime/internal/ring/refusal.hpp>
#include <coil/runtime/internal/ring/restriction.hpp>
#include <coil/runtime/internal/ring/standard_numbers.hpp>

#include <liburing.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace coil::internal {
namespace {

constexpr unsigned short buffer_group = 0;
// The bytes of neighbouring buffers begin in different cache sets: small messages use only the first line of each.
constexpr std::size_t buffer_spacing = 64;
// In the user data of a quiet request, to tell its failure from other completions. Operations have no such number.
constexpr std::uint64_t quiet_mark = std::uint64_t{1} << 31;

// The memory of a ring that is gone may be that of another thread's new ring. liburing maps and unmaps it by system calls of
// its own, which the thread sanitizer does not see: this tells it that one came after the other.
std::atomic<unsigned> rings_gone = 0;

/// Since Linux 6.13, without a ring of one's own. @return 0 or an errno; EINVAL where the kernel does not know it.
int post_message(int ring) noexcept
{
    constexpr unsigned send_message = 31;  // IORING_REGISTER_SEND_MSG_RING, newer than this liburing
    io_uring_sqe message{};
    message.opcode = IORING_OP_MSG_RING;
    message.fd = ring;
    return ::syscall(SYS_io_uring_register, -1, send_message, &message, 1) < 0 ? errno : 0;
}

class uring final : public ring {
public:
    explicit uring(const ring_options& options)
    {
        set_up(options);
        static_cast<void>(rings_gone.load(std::memory_order_acquire));
        probe();
        try {
            provide_buffers(options);
            enable();
        } catch (...) {
            io_uring_queue_exit(&ring_);
            throw;
        }
    }

    uring(const uring&) = delete;
    uring& operator=(const uring&) = delete;

    ~uring() override
    {
        rings_gone.fetch_add(1, std::memory_order_release);
        io_uring_queue_exit(&ring_);
        if (buffer_ring_)
            ::munmap(buffer_ring_, buffer_ring_bytes_);
        if (buffer_memory_) {
            unpoison(buffer_memory_, buffer_memory_bytes_);
            ::munmap(buffer_memory_, buffer_memory_bytes_);
        }
    }

    const capabilities& supported() const noexcept override { return supported_; }
    int descriptor() const noexcept override { return supported_.messages ? ring_.ring_fd : -1; }

    bool submit(const request& wanted) noexcept override
    {
        io_uring_sqe* entry = io_uring_get_sqe(&ring_);
        if (!entry)
            return false;
        prepare(*entry, wanted);
        entry->user_data = wanted.user_data;
        if (wanted.quiet) {
            // A send that does not wait for room is over when the kernel has taken it. A completion would end the sleep for
            // what is news, and so cost a second entry each time; a failure, or a part, posts one in spite of the flag.
            entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
            entry->user_data |= quiet_mark;
            quiet_.add(wanted);
        }
        return true;
    }

    void enter(std::optional<std::chrono::nanoseconds> wait) override
    {
        if (unsettled_)
            wait = std::chrono::nanoseconds(0);  // they may have failed, which somebody has to take care of
        // Seen here, whenever it began: the kernel moves what it keeps only in a call that asks for completions.
        overflows_ += (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) != 0;
        int outcome = 0;
        if (wait && wait->count() == 0) {
            outcome = io_uring_submit_and_get_events(&ring_);
        } else if (wait) {
            __kernel_timespec limit{};
            limit.tv_sec = wait->count() / 1'000'000'000;
            limit.tv_nsec = wait->count() % 1'000'000'000;
            io_uring_cqe* first = nullptr;
            outcome = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
        } else {
            outcome = io_uring_submit_and_wait(&ring_, 1);
        }
        // ETIME: nothing came. EINTR: a signal. EBUSY and EAGAIN: the kernel wants completions taken first; what was not
        // submitted stays queued.
        if (outcome < 0 && outcome != -ETIME && outcome != -EINTR && outcome != -EBUSY && outcome != -EAGAIN)
            throw std::system_error(-outcome, std::system_category(), "io_uring_enter");
        if (quiet_.open())
            settle();
    }

    bool has_news() const noexcept override
    {
        // Where the kernel leaves no work to the next entry, and so sets no flag for it, all news is in the queue.
        constexpr unsigned news = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;
        return io_uring_cq_ready(&ring_) > 0 ||
               (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & news) != 0;
    }

    bool next(completion& taken) noexcept override
    {
        if (quiet_.next(taken))
            return true;
        io_uring_cqe* entry = nullptr;
        unsigned head = 0;
        bool found = false;
        io_uring_for_each_cqe(&ring_, head, entry)
        {
            found = true;
            break;
        }
        if (!found)
            return false;
        taken.user_data = entry->user_data & ~quiet_mark;
        if (taken.user_data != entry->user_data)
            quiet_.forget(taken.user_data);
        taken.result = entry->res;
        taken.more = entry->flags & IORING_CQE_F_MORE;
        taken.has_buffer = entry->flags & IORING_CQE_F_BUFFER;
        taken.buffer = static_cast<std::uint16_t>(entry->flags >> IORING_CQE_BUFFER_SHIFT);
        io_uring_cq_advance(&ring_, 1);
        if (taken.has_buffer) {
            most_buffers_lent_ = std::max(most_buffers_lent_, ++buffers_lent_);
            unpoison(buffer(taken.buffer), buffer_size_);
        }
        return true;
    }

    void cancel_now(std::uint64_t user_data) noexcept override
    {
        hand_over();  // an operation that still waits here could not be found
        io_uring_sync_cancel_reg wanted{};
        wanted.addr = user_data;
        wanted.fd = -1;
        wanted.timeout.tv_nsec = 1'000'000;
        // What a thread of the kernel is at work on cannot be cancelled, and its end is told by work that only an entry of
        // this thread carries out: nobody would wake who waits here for ever.
        while (io_uring_register_sync_cancel(&ring_, &wanted) == -ETIME)
            io_uring_get_events(&ring_);
    }

    std::byte* buffer(std::uint16_t id) noexcept override { return buffer_memory_ + id * buffer_stride_; }

    void return_buffer(std::uint16_t id) noexcept override
    {
        poison(buffer(id), buffer_size_);
        offer(id, 0);
        io_uring_buf_ring_advance(buffer_ring_, 1);
        --buffers_lent_;
    }

    unsigned buffers_lent() const noexcept override { return buffers_lent_; }
    unsigned buffer_size() const noexcept override { return buffer_size_; }

    ring_counts counts() const noexcept override
    {
        return {.overflows = overflows_,
                .lost = __atomic_load_n(ring_.cq.koverflow, __ATOMIC_RELAXED),
                .most_buffers_lent = most_buffers_lent_};
    }

    void forget(int fd) noexcept override
    {
        // A request that still waits here would meet whoever gets the number next.
        if (is_queued(fd))
            hand_over();
    }

private:
    void hand_over() noexcept
    {
        io_uring_submit(&ring_);
        unsettled_ = quiet_.open();
    }

    /// Quiet requests that the kernel has taken have succeeded, unless there is a completion that says otherwise. It is
    /// there already: the kernel posted it while it took the request.
    void settle() noexcept
    {
        unsettled_ = io_uring_sq_ready(&ring_) != 0 || io_uring_cq_has_overflow(&ring_);
        if (unsettled_)
            return;
        io_uring_cqe* entry = nullptr;
        unsigned head = 0;
        io_uring_for_each_cqe(&ring_, head, entry)
        {
            if (entry->user_data & quiet_mark)
                quiet_.forget(entry->user_data & ~quiet_mark);
        }
        quiet_.settle();
    }

    /// Whether a request on `fd` has not gone to the kernel yet.
    bool is_queued(int fd) const noexcept
    {
        for (unsigned i = *ring_.sq.khead; i != ring_.sq.sqe_tail; ++i)
            if (ring_.sq.sqes[i & ring_.sq.ring_mask].fd == fd)
                return true;
        return false;
    }

    void set_up(const ring_options& options)
    {
        // Given up one after the other where the kernel does not know them.
        constexpr std::array droppable{IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER, IORING_SETUP_SUBMIT_ALL,
                                       IORING_SETUP_COOP_TASKRUN};
        unsigned flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
        const bool single_issuer = !unwanted_.contains("single_issuer");
        flags |= single_issuer ? IORING_SETUP_SINGLE_ISSUER : 0;
        flags |= single_issuer && !unwanted_.contains("defer_taskrun") ? IORING_SETUP_DEFER_TASKRUN : 0;  // needs the former
        flags |= unwanted_.contains("coop_taskrun") ? 0 : IORING_SETUP_COOP_TASKRUN;
        flags |= unwanted_.contains("submit_all") ? 0 : IORING_SETUP_SUBMIT_ALL;
        flags |= options.restricted && !unwanted_.contains("restrictions") ? IORING_SETUP_R_DISABLED : 0;
        std::size_t dropped = 0;
        while (true) {
            io_uring_params parameters{};
            parameters.flags = flags;
            if (flags & (IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN))
                parameters.flags |= IORING_SETUP_TASKRUN_FLAG;
            parameters.cq_entries = options.completion_entries;
            const int outcome = io_uring_queue_init_params(options.submission_entries, &ring_, &parameters);
            if (outcome == 0) {
                describe(parameters);
                break;
            }
            if (outcome != -EINVAL || dropped == droppable.size())
                throw std::system_error(-outcome, std::system_category(), explain_refusal(-outcome));
            flags &= ~droppable[dropped++];
        }
        constexpr unsigned needed = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_SUBMIT_STABLE;
        if ((ring_.features & needed) != needed) {
            io_uring_queue_exit(&ring_);
            throw std::system_error(ENOSYS, std::system_category(), "the io_uring of this kernel is too old; coil needs Linux 6.1 or later");
        }
        ring_.ring_fd = ring_.enter_ring_fd = above_standard_numbers(ring_.ring_fd);
        if (ring_.ring_fd < 0) {
            const int cause = errno;
            io_uring_queue_exit(&ring_);
            throw std::system_error(cause, std::system_category(), explain_refusal(cause));
        }
        io_uring_register_ring_fd(&ring_);  // spares a look-up per call; where it fails, nothing is lost
        io_uring_ring_dontfork(&ring_);
    }

    /// Restrictions come last: they hold for all that follows.
    void enable()
    {
        if (!(ring_.flags & IORING_SETUP_R_DISABLED))
            return;
        supported_.restricted = restrict_uring(ring_.ring_fd) == 0;
        if (const int error = enable_uring(ring_.ring_fd))
            throw std::system_error(error, std::system_category(), explain_refusal(error));
    }

    void describe(const io_uring_params& parameters)
    {
        supported_.single_issuer = parameters.flags & IORING_SETUP_SINGLE_ISSUER;
        supported_.defer_taskrun = parameters.flags & IORING_SETUP_DEFER_TASKRUN;
        supported_.coop_taskrun = parameters.flags & IORING_SETUP_COOP_TASKRUN;
        supported_.submit_all = parameters.flags & IORING_SETUP_SUBMIT_ALL;
        supported_.quiet_sends = (parameters.features & IORING_FEAT_CQE_SKIP) && !unwanted_.contains("quiet_sends");
        supported_.submission_entries = parameters.sq_entries;
        supported_.completion_entries = parameters.cq_entries;
    }

    /// Multishot accept came with Linux 5.19, as IORING_OP_SOCKET did; multishot receive with 6.0, as IORING_OP_SEND_ZC did.
    void probe()
    {
        io_uring_probe* found = io_uring_get_probe_ring(&ring_);
        if (!found)
            return;
        supported_.multishot_accept =
            io_uring_opcode_supported(found, IORING_OP_SOCKET) && !unwanted_.contains("multishot_accept");
        supported_.multishot_receive =
            io_uring_opcode_supported(found, IORING_OP_SEND_ZC) && !unwanted_.contains("multishot_receive");
        io_uring_free_probe(found);
        supported_.messages = post_message(-1) == EBADF && !unwanted_.contains("messages");
    }

    static std::byte* map(std::size_t bytes)
    {
        void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            throw std::system_error(errno, std::system_category(), "no memory for receive buffers");
        return static_cast<std::byte*>(memory);
    }

    void provide_buffers(const ring_options& options)
    {
        if (!supported_.multishot_receive || options.receive_buffers == 0 || unwanted_.contains("provided_buffers"))
            return;
        buffer_ring_bytes_ = options.receive_buffers * sizeof(io_uring_buf);
        buffer_ring_ = reinterpret_cast<io_uring_buf_ring*>(map(buffer_ring_bytes_));
        io_uring_buf_ring_init(buffer_ring_);
        io_uring_buf_reg wanted{};
        wanted.ring_addr = reinterpret_cast<std::uintptr_t>(buffer_ring_);
        wanted.ring_entries = options.receive_buffers;
        wanted.bgid = buffer_group;
        if (io_uring_register_buf_ring(&ring_, &wanted, 0) != 0) {
            supported_.multishot_receive = false;
            return;
        }
        supported_.provided_buffers = true;
        supported_.receive_buffers = options.receive_buffers;
        buffer_size_ = options.receive_buffer_size;
        buffer_stride_ = buffer_size_ + buffer_spacing;
        buffer_mask_ = static_cast<int>(options.receive_buffers) - 1;
        buffer_memory_bytes_ = options.receive_buffers * buffer_stride_;
        buffer_memory_ = map(buffer_memory_bytes_);
        for (unsigned id = 0; id < options.receive_buffers; ++id)
            offer(static_cast<std::uint16_t>(id), static_cast<int>(id));
        io_uring_buf_ring_advance(buffer_ring_, static_cast<int>(options.receive_buffers));
        poison(buffer_memory_, buffer_memory_bytes_);  // the kernel writes there, nobody else may
    }

    void offer(std::uint16_t id, int position) noexcept
    {
        io_uring_buf_ring_add(buffer_ring_, buffer(id), buffer_size_, id, buffer_mask_, position);
    }

    /// The kernel leaves a shutdown to a worker thread, which costs several times what the call itself does, and the call
    /// does not wait. Only what fails goes through the ring, to fail there once more.
    static void prepare_shutdown(io_uring_sqe& entry, int fd, int how) noexcept
    {
        if (::shutdown(fd, how) == 0)
            io_uring_prep_nop(&entry);
        else
            io_uring_prep_shutdown(&entry, fd, how);
    }

    void prepare(io_uring_sqe& entry, const request& wanted) const noexcept
    {
        void* address = const_cast<void*>(wanted.address);
        switch (wanted.code) {
        case opcode::accept:
            // No address: many connections would share one place for it.
            if (supported_.multishot_accept)
                io_uring_prep_multishot_accept(&entry, wanted.fd, nullptr, nullptr, SOCK_CLOEXEC);
            else
                io_uring_prep_accept(&entry, wanted.fd, nullptr, nullptr, SOCK_CLOEXEC);
            break;
        case opcode::receive: io_uring_prep_recv(&entry, wanted.fd, address, wanted.length, 0); break;
        case opcode::receive_provided:
            io_uring_prep_recv_multishot(&entry, wanted.fd, nullptr, 0, 0);
            entry.flags |= IOSQE_BUFFER_SELECT;
            entry.buf_group = buffer_group;
            break;
        case opcode::send:
            io_uring_prep_send(&entry, wanted.fd, address, wanted.length, static_cast<int>(wanted.option));
            break;
        case opcode::send_message:
            io_uring_prep_sendmsg(&entry, wanted.fd, static_cast<const msghdr*>(wanted.address), wanted.option);
            break;
        case opcode::connect:
            io_uring_prep_connect(&entry, wanted.fd, static_cast<const sockaddr*>(wanted.address), wanted.length);
            break;
        case opcode::shut_down: prepare_shutdown(entry, wanted.fd, static_cast<int>(wanted.option)); break;
        case opcode::close: io_uring_prep_close(&entry, wanted.fd); break;
        case opcode::read:
            io_uring_prep_read(&entry, wanted.fd, address, wanted.length, wanted.offset);
            entry.flags |= wanted.option ? IOSQE_ASYNC : 0;
            break;
        case opcode::write:
            io_uring_prep_write(&entry, wanted.fd, address, wanted.length, wanted.offset);
            entry.flags |= wanted.option ? IOSQE_ASYNC : 0;
            break;
        case opcode::open:
            io_uring_prep_openat2(&entry, wanted.fd, static_cast<const char*>(wanted.address),
                                  reinterpret_cast<open_how*>(wanted.offset));
            break;
        case opcode::status:
            io_uring_prep_statx(&entry, wanted.fd, static_cast<const char*>(wanted.address),
                                static_cast<int>(wanted.option), STATX_BASIC_STATS,
                                reinterpret_cast<struct statx*>(wanted.offset));
            break;
        case opcode::synchronize: io_uring_prep_fsync(&entry, wanted.fd, 0); break;
        case opcode::poll: io_uring_prep_poll_add(&entry, wanted.fd, wanted.option); break;
        case opcode::cancel: io_uring_prep_cancel64(&entry, wanted.offset, 0); break;
        }
    }

    const unwanted_capabilities unwanted_;
    io_uring ring_{};
    capabilities supported_;
    io_uring_buf_ring* buffer_ring_ = nullptr;
    std::size_t buffer_ring_bytes_ = 0;
    std::byte* buffer_memory_ = nullptr;
    std::size_t buffer_memory_bytes_ = 0;
    std::size_t buffer_stride_ = 0;
    unsigned buffer_size_ = 0;
    int buffer_mask_ = 0;
    unsigned buffers_lent_ = 0;
    quiet_sends quiet_;
    bool unsettled_ = false;  // some of `quiet_` were handed over before
    unsigned most_buffers_lent_ = 0;
    std::uint64_t overflows_ = 0;
};

}  // namespace

bool wake_uring(int descriptor) noexcept
{
    return post_message(descriptor) == 0;
}

std::unique_ptr<ring> make_uring(const ring_options& options)
{
    return std::make_unique<uring>(options);
}

}  // namespace coil::internal
