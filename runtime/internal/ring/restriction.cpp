#include <coil/runtime/internal/ring/restriction.hpp>

#include <array>
#include <cerrno>
#include <cstddef>

#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coil::internal {
namespace {

constexpr std::array requests{IORING_OP_ACCEPT,   IORING_OP_RECV,         IORING_OP_SEND,  IORING_OP_SENDMSG,
                              IORING_OP_CONNECT,  IORING_OP_SHUTDOWN,     IORING_OP_CLOSE, IORING_OP_READ,
                              IORING_OP_WRITE,    IORING_OP_OPENAT2,      IORING_OP_STATX, IORING_OP_FSYNC,
                              IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL, IORING_OP_NOP};
/// The last gives back what spares a look-up per call, when the ring goes.
constexpr std::array registrations{IORING_REGISTER_SYNC_CANCEL, IORING_UNREGISTER_RING_FDS};
constexpr unsigned flags = IOSQE_BUFFER_SELECT | IOSQE_ASYNC | IOSQE_CQE_SKIP_SUCCESS;

/// Not by liburing's calls: Debian's does not export them all.
int register_at(int descriptor, unsigned what, const void* with, std::size_t count) noexcept
{
    return ::syscall(SYS_io_uring_register, descriptor, what, with, count) < 0 ? errno : 0;
}

}  // namespace

int restrict_uring(int descriptor) noexcept
{
    std::array<io_uring_restriction, requests.size() + registrations.size() + 1> allowed{};
    auto* next = allowed.data();
    for (const auto each : requests) {
        next->opcode = IORING_RESTRICTION_SQE_OP;
        (next++)->sqe_op = static_cast<__u8>(each);
    }
    for (const auto each : registrations) {
        next->opcode = IORING_RESTRICTION_REGISTER_OP;
        (next++)->register_op = static_cast<__u8>(each);
    }
    next->opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
    next->sqe_flags = flags;
    return register_at(descriptor, IORING_REGISTER_RESTRICTIONS, allowed.data(), allowed.size());
}

int enable_uring(int descriptor) noexcept
{
    return register_at(descriptor, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
}

}  // namespace coil::internal
