#include <coil/runtime/internal/mailbox.hpp>

#include <coil/runtime/internal/ring/descriptors.hpp>
#include <coil/runtime/internal/ring/system.hpp>
#include <coil/runtime/internal/ring/uring.hpp>

#include <utility>

namespace coil::internal {

// The duplicate keeps the ring in being while somebody may still send to it: the number of a closed descriptor could by
// then belong to something else.
mailbox::mailbox(std::unique_ptr<bell> wakes, int ring)
    : bell_(std::move(wakes)),
      ring_(ring < 0 ? -1 : duplicate(ring))
{
}

mailbox::~mailbox()
{
    if (ring_ >= 0)
        kernel_system().close(ring_);
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
    if (ring_ < 0 || !wake_uring(ring_))
        bell_->ring();
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
