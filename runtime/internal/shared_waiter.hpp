#pragma once

#include <coil/runtime/error.hpp>
#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/list.hpp>
#include <coil/runtime/internal/mailbox.hpp>

#include <atomic>
#include <memory>

namespace coil::internal {

/// A wait that is ended by mail.
class mailed_wait : public stoppable_wait {
protected:
    mailed_wait() noexcept = default;
    ~mailed_wait() override = default;

private:
    friend class shared_waiter;
    void arrived() noexcept { resume_later(); }
};

/// A coroutine that waits on its loop for something that other threads may grant.
///
/// It lives apart from the coroutine's frame, because mail under way cannot be called back when the frame is destroyed. It
/// is shared by the waiting coroutine and by the mail; its memory comes from the pool of the coroutine's thread. What is not
/// said to be of that thread is guarded by the lock of what it waits for.
class shared_waiter final : public mail, public list_hook<shared_waiter>, public pooled {
public:
    /// On the thread of the coroutine. @param value  what a sender wants to send.
    shared_waiter(mailed_wait& wait, void* value) noexcept;

    void* value() const noexcept { return value_; }

    /// The waiters whose wait has ended, until their loops are told: when this is destroyed, after the lock was released.
    class ended {
    public:
        ended() noexcept = default;
        ended(const ended&) = delete;
        ended& operator=(const ended&) = delete;
        ~ended();

    private:
        friend class shared_waiter;
        shared_waiter* first_ = nullptr;
        shared_waiter* last_ = nullptr;
    };

    /// The wait is over. It has left its queue.
    void end(errc why, ended& with) noexcept;

    /// The thread of the coroutine: ends the wait without mail. @return false if it has ended already.
    bool end_unsent(errc why) noexcept;

    /// The thread of the coroutine, which is gone. @return whether it was granted what it waited for.
    bool abandon() noexcept;

    /// Of the thread of the coroutine: how the wait ended. It has ended.
    errc why() const noexcept { return why_; }
    void release() noexcept
    {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            delete this;
    }

    void deliver() noexcept override;
    void drop() noexcept override { release(); }

private:
    std::atomic<int> references_{1};
    mailed_wait* wait_;  // of the thread of the coroutine
    void* value_;
    std::shared_ptr<mailbox> home_;
    bool ended_ = false;
    errc why_{};
};

}  // namespace coil::internal
