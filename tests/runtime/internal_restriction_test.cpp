#include <coil/runtime/internal/ring/restriction.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

/// An io_uring of one entry, by system calls alone, on which anything can be tried.
class bare_ring {
public:
    explicit bare_ring(bool restricted)
    {
        io_uring_params parameters{};
        parameters.flags = IORING_SETUP_R_DISABLED;
        descriptor_ = static_cast<int>(::syscall(SYS_io_uring_setup, 1, &parameters));
        BOOST_REQUIRE_GE(descriptor_, 0);
        if (restricted)
            BOOST_REQUIRE_EQUAL(coil::internal::restrict_uring(descriptor_), 0);
        BOOST_REQUIRE_EQUAL(coil::internal::enable_uring(descriptor_), 0);
        sizes_ = {parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned),
                  parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe),
                  parameters.sq_entries * sizeof(io_uring_sqe)};
        submissions_ = map(sizes_[0], IORING_OFF_SQ_RING);
        completions_ = map(sizes_[1], IORING_OFF_CQ_RING);
        entries_ = map(sizes_[2], IORING_OFF_SQES);
        offsets_ = parameters;
    }
    bare_ring(const bare_ring&) = delete;
    bare_ring& operator=(const bare_ring&) = delete;
    ~bare_ring()
    {
        ::munmap(submissions_, sizes_[0]);
        ::munmap(completions_, sizes_[1]);
        ::munmap(entries_, sizes_[2]);
        ::close(descriptor_);
    }

    /// What becomes of one request.
    int result_of(const io_uring_sqe& request)
    {
        *reinterpret_cast<io_uring_sqe*>(entries_) = request;
        at(submissions_, offsets_.sq_off.array) = 0;
        std::atomic_ref(at(submissions_, offsets_.sq_off.tail)).fetch_add(1);
        const long entered = ::syscall(SYS_io_uring_enter, descriptor_, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
        if (entered < 0)
            return -errno;
        const unsigned head = at(completions_, offsets_.cq_off.head);
        const unsigned slot = head & at(completions_, offsets_.cq_off.ring_mask);
        const auto* all = reinterpret_cast<const io_uring_cqe*>(completions_ + offsets_.cq_off.cqes);
        const int result = all[slot].res;
        std::atomic_ref(at(completions_, offsets_.cq_off.head)).store(head + 1);
        return result;
    }
    int descriptor() const noexcept { return descriptor_; }

private:
    std::byte* map(std::size_t size, std::uint64_t what) const
    {
        void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor_,
                                    static_cast<off_t>(what));
        BOOST_REQUIRE(memory != MAP_FAILED);
        return static_cast<std::byte*>(memory);
    }
    static unsigned& at(std::byte* memory, unsigned offset) { return *reinterpret_cast<unsigned*>(memory + offset); }

    int descriptor_ = -1;
    std::array<std::size_t, 3> sizes_{};
    std::byte* submissions_ = nullptr;
    std::byte* completions_ = nullptr;
    std::byte* entries_ = nullptr;
    io_uring_params offsets_{};
};

int result_of(bool restricted, unsigned char opcode, unsigned char flags = 0)
{
    io_uring_sqe request{};
    request.opcode = opcode;
    request.flags = flags;
    request.fd = -1;
    return bare_ring(restricted).result_of(request);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(internal_restriction_test)

BOOST_AUTO_TEST_CASE(requests_that_coil_makes_pass)
{
    BOOST_TEST(result_of(true, IORING_OP_NOP) == 0);
    BOOST_TEST(result_of(true, IORING_OP_NOP, IOSQE_ASYNC) == 0);
    BOOST_TEST(result_of(true, IORING_OP_RECV) == -EBADF);
    BOOST_TEST(result_of(true, IORING_OP_FSYNC) == -EBADF);
}

BOOST_AUTO_TEST_CASE(all_others_are_refused)
{
    for (const auto opcode : {IORING_OP_READV, IORING_OP_SPLICE, IORING_OP_UNLINKAT, IORING_OP_SOCKET, IORING_OP_OPENAT,
                              IORING_OP_EPOLL_CTL, IORING_OP_MSG_RING, IORING_OP_URING_CMD, IORING_OP_SEND_ZC}) {
        BOOST_TEST_CONTEXT("request " << opcode)
        {
            BOOST_TEST(result_of(true, static_cast<unsigned char>(opcode)) == -EACCES);
            BOOST_TEST(result_of(false, static_cast<unsigned char>(opcode)) != -EACCES);
        }
    }
    BOOST_TEST(result_of(true, IORING_OP_NOP, IOSQE_IO_LINK) == -EACCES);
    BOOST_TEST(result_of(false, IORING_OP_NOP, IOSQE_IO_LINK) == 0);
}

BOOST_AUTO_TEST_CASE(so_are_registrations)
{
    const auto register_files = [](const bare_ring& at) {
        const int nothing = -1;
        const long outcome = ::syscall(SYS_io_uring_register, at.descriptor(), IORING_REGISTER_FILES, &nothing, 1);
        return outcome < 0 ? errno : 0;
    };
    BOOST_TEST(register_files(bare_ring(true)) == EACCES);
    BOOST_TEST(register_files(bare_ring(false)) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
