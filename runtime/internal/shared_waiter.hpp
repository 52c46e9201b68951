#pragma once

#include <coil/runtime/internal/list.hpp>
#include <coil/runtime/internal/mailed_wait.hpp>
#include <coil/runtime/loop.hpp>

#include <utility>

namespace coil::internal {

/// A coroutine that waits on its loop for something that other threads may grant.
///
/// What is not said to be of the thread of that loop is guarded by the lock of what it waits for.
class shared_waiter final : public reply, public list_hook<shared_waiter> {
public:
    /// On the thread of the coroutine. @param value  what a sender wants to send.
    shared_waiter(mailed_wait& wait, void* value) noexcept : reply(loop::current().mailbox()), value_(value)
    {
        set_wait(&wait);
    }

    /// Tells those whose wait has ended: by mail, when this is destroyed, after the lock was released.
    class teller {
    public:
        teller() noexcept = default;
        teller(const teller&) = delete;
        teller& operator=(const teller&) = delete;
        ~teller()
        {
            while (first_)
                static_cast<shared_waiter*>(std::exchange(first_, first_->next))->go_home();
        }

        void end(shared_waiter& who, errc why) noexcept
        {
            who.list_hook<shared_waiter>::unlink();
            who.why_ = why;
            who.add_reference();
            who.next = nullptr;
            *end_ = &who;
            end_ = &who.next;
        }
        void grant(shared_waiter& who) noexcept { end(who, errc{}); }
        template <class T>
        T& value_of(shared_waiter& sender) noexcept
        {
            return *static_cast<T*>(sender.value_);
        }

    private:
        mail* first_ = nullptr;
        mail** end_ = &first_;
    };

    /// The thread of the coroutine: ends the wait without mail. @return false if it has ended already.
    bool withdraw() noexcept
    {
        const bool waits = list_hook<shared_waiter>::linked();
        list_hook<shared_waiter>::unlink();
        if (waits)
            why_ = errc::canceled;
        return waits;
    }

    /// The thread of the coroutine, which is gone. @return whether it was granted what it waited for.
    bool abandon() noexcept
    {
        set_wait(nullptr);
        return !withdraw() && why_ == errc{};
    }

private:
    void* value_;
};

}  // namespace coil::internal
