#include <coil/runtime/internal/shared_waiter.hpp>

#include <coil/runtime/loop.hpp>

namespace coil::internal {

shared_waiter::shared_waiter(mailed_wait& wait, void* value) noexcept
    : wait_(&wait), value_(value), home_(loop::current().mailbox())
{
}

shared_waiter::ended::~ended()
{
    while (first_) {
        shared_waiter& each = *first_;
        first_ = static_cast<shared_waiter*>(each.next);
        const std::shared_ptr<mailbox> home = each.home_;  // the waiter may be gone as soon as it is sent
        if (!home->send(each))
            each.release();
    }
}

void shared_waiter::end(errc why, ended& with) noexcept
{
    ended_ = true;
    why_ = why;
    references_.fetch_add(1, std::memory_order_relaxed);  // the mail's
    next = nullptr;
    if (with.first_)
        with.last_->next = this;
    else
        with.first_ = this;
    with.last_ = this;
}

bool shared_waiter::end_unsent(errc why) noexcept
{
    if (ended_)
        return false;
    ended_ = true;
    why_ = why;
    list_hook<shared_waiter>::unlink();
    return true;
}

bool shared_waiter::abandon() noexcept
{
    wait_ = nullptr;
    list_hook<shared_waiter>::unlink();
    return ended_ && why_ == errc{};
}

void shared_waiter::deliver() noexcept
{
    if (wait_)
        wait_->arrived();
    release();
}

}  // namespace coil::internal
