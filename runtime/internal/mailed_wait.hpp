#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/mailbox.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace coil::internal {

class reply;

/// A wait that a reply from another thread ends.
class mailed_wait : public single_wait {
protected:
    mailed_wait() noexcept = default;
    ~mailed_wait() override = default;

private:
    friend class reply;
};

/// Mail that comes home to a coroutine and ends its wait.
///
/// It lives apart from the coroutine's frame, because mail under way cannot be called back when the frame is destroyed.
/// Whoever uses it shares it: the coroutine, the mail, and others. Memory comes from the pool of the coroutine's thread.
class reply : public mail, public pooled {
public:
    void deliver() noexcept override
    {
        if (wait_)
            std::exchange(wait_, nullptr)->end(why_);
        release();
    }
    void drop() noexcept override { release(); }

    void release() noexcept
    {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            delete this;
    }

protected:
    /// On the thread that it comes home to. The maker has the first reference.
    explicit reply(std::shared_ptr<mailbox> home) noexcept : home_(std::move(home)) {}
    virtual ~reply() = default;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }

    /// From any thread, with a reference that goes with it: the wait ends as `why_` says.
    void go_home() noexcept
    {
        const std::shared_ptr<mailbox> home = std::move(home_);  // this object may be gone as soon as it is sent
        if (!home->send(*this))
            release();
    }
    bool is_sent_home() const noexcept { return home_ == nullptr; }

    /// On the thread that it comes home to: whose wait it ends; null for nobody's.
    /// @{
    void set_wait(mailed_wait* wait) noexcept { wait_ = wait; }
    const mailed_wait* wait() const noexcept { return wait_; }
    /// @}

    errc why_{};

private:
    std::atomic<int> references_{1};
    std::shared_ptr<mailbox> home_;
    mailed_wait* wait_ = nullptr;
};

}  // namespace coil::internal
