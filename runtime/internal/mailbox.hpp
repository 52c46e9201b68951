#pragma once

#include <coil/runtime/internal/frame_pool.hpp>
#include <coil/runtime/internal/mail_queue.hpp>
#include <coil/runtime/internal/ring/bell.hpp>

#include <cstdint>
#include <memory>

namespace coil::internal {

/// Something that one thread sends to the loop of another. Sending it allocates nothing.
class mail {
public:
    mail() noexcept = default;
    mail(const mail&) = delete;
    mail& operator=(const mail&) = delete;

    /// On the thread of the loop, from its turn; may run user code and destroy the mail.
    virtual void deliver() noexcept = 0;
    /// The same in place of `deliver` when the loop ends before.
    virtual void drop() noexcept = 0;

    mail* next = nullptr;  ///< The mailbox's.

protected:
    ~mail() = default;
};

/// Where other threads put what a loop is to do. Shared by the loop and whoever may send to it, so that sending to a loop
/// that is gone is harmless.
class mailbox {
public:
    /// @param wakes  wakes the loop where there is no ring that takes messages.
    /// @param ring  the loop's, for `wake_uring`; -1 where it has none. It is duplicated.
    mailbox(std::unique_ptr<bell> wakes, int ring);
    mailbox(const mailbox&) = delete;
    mailbox& operator=(const mailbox&) = delete;
    ~mailbox();

    /// From any thread. @return false if the loop is gone; the mail is then still the sender's.
    bool send(mail& what) noexcept;

    /// The loop's side.
    /// @{
    /// What is read to be woken.
    int wake_descriptor() const noexcept { return bell_->descriptor(); }
    bool fall_asleep() noexcept { return asleep_ = queue_.fall_asleep(); }
    /// How often mail found the loop asleep.
    std::uint64_t wake_ups() const noexcept { return wake_ups_; }
    /// Delivers what has come.
    void deliver() noexcept;
    /// Drops what has come. Nothing is accepted any more.
    void close() noexcept;
    /// @}

private:
    /// By a message on its ring, or by the bell, which takes the sleeper a read more.
    void wake() const noexcept;

    mail_queue<mail> queue_;
    std::unique_ptr<bell> bell_;
    int ring_;
    bool asleep_ = false;  // before it last entered the kernel
    std::uint64_t wake_ups_ = 0;
};

}  // namespace coil::internal
