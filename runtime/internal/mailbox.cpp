#include <coil/runtime/internal/mailbox.hpp>

#include <coil/runtime/internal/ring/uring.hpp>
#include <coil/runtime/internal/ring/standard_numbers.hpp>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace coil::internal {

// The duplicate keeps the ring in being while somebody may still send to it: the number of a closed descriptor could by
// then belong to something else.
mailbox::mailbox(int ring)
    : bell_(above_standard_numbers(::eventfd(0, EFD_CLOEXEC))),
      ring_(ring < 0 ? -1 : ::fcntl(ring, F_DUPFD_CLOEXEC, STDERR_FILENO + 1))
{
    if (bell_ < 0) {
        const int error = errno;
        if (ring_ >= 0)
            ::close(ring_);
        throw std::system_error(error, std::system_category(), "eventfd");
    }
}

mailbox::~mailbox()
{
    ::close(bell_);
    if (ring_ >= 0)
        ::close(ring_);
}

bool mailbox::send(mail& what) noexcept
{
    using put_result = mail_queue<mail>::put_result;
    const put_result put = queue_.put(what);
    if (put == put_result::wake_reader)
        wake();
    return put != put_result::closed;
}

void mailbox::wake() const noexcept
{
    if (ring_ >= 0 && wake_uring(ring_))
        return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(bell_, &one, sizeof one);
}

void mailbox::deliver() noexcept
{
    mail* const first = queue_.take();
    wake_ups_ += std::exchange(asleep_, false) && first;
    for (mail* each = first; each;) {
        mail* const next = each->next;
        each->deliver();
        each = next;
    }
}

void mailbox::close() noexcept
{
    for (mail* each = queue_.close(); each;) {
        mail* const next = each->next;
        each->drop();
        each = next;
    }
}

}  // namespace coil::internal
