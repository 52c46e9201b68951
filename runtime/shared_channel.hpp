#pragma once

#include <coil/runtime/channel.hpp>
#include <coil/runtime/internal/channel_queue.hpp>
#include <coil/runtime/internal/shared_waiter.hpp>
#include <coil/runtime/result.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace coil {

namespace internal {

/// What the handles of a shared channel share.
template <class T>
class shared_channel_state {
public:
    explicit shared_channel_state(std::size_t capacity) : queue_(capacity) {}

    bool try_send(T& value)
    {
        shared_waiter::teller teller;
        const std::lock_guard lock(mutex_);
        return queue_.send(value, teller) == errc{};
    }

    std::optional<T> try_receive()
    {
        shared_waiter::teller teller;
        const std::lock_guard lock(mutex_);
        return queue_.try_take(teller);
    }

    /// @return how the send ended; nothing where it is `waiting`.
    std::optional<errc> send(T& value, mailed_wait& wait, shared_waiter*& waiting)
    {
        shared_waiter::teller teller;
        const std::lock_guard lock(mutex_);
        const std::optional<errc> over = queue_.send(value, teller);
        if (!over)
            queue_.senders.push_back(*(waiting = new shared_waiter(wait, &value)));
        return over;
    }

    /// @return how the receive ended; nothing where it is `waiting`.
    std::optional<errc> receive(std::optional<T>& received, mailed_wait& wait, shared_waiter*& waiting)
    {
        shared_waiter::teller teller;
        const std::lock_guard lock(mutex_);
        const std::optional<errc> over = queue_.receive();
        if (over == errc{})
            received.emplace(queue_.take(teller));
        else if (!over)
            queue_.receivers.push_back(*(waiting = new shared_waiter(wait, nullptr)));
        return over;
    }

    /// Takes the value that a receiver was granted.
    T take_granted()
    {
        shared_waiter::teller teller;
        const std::lock_guard lock(mutex_);
        return queue_.take_granted(teller);
    }

    /// The wait is to end, if nothing else ended it before. @return whether it did.
    bool withdraw(shared_waiter& of) noexcept
    {
        const std::lock_guard lock(mutex_);
        return of.withdraw();
    }

    /// The coroutine that waited is gone.
    void abandon(shared_waiter& of, bool receiver) noexcept
    {
        {
            shared_waiter::teller teller;
            const std::lock_guard lock(mutex_);
            if (of.abandon() && receiver)
                queue_.return_grant(teller);
        }
        of.release();
    }

    void close() noexcept
    {
        shared_waiter::teller teller;
        const std::lock_guard lock(mutex_);
        queue_.close(teller);
    }

    bool closed() const noexcept
    {
        const std::lock_guard lock(mutex_);
        return queue_.closed();
    }
    std::size_t size() const noexcept
    {
        const std::lock_guard lock(mutex_);
        return queue_.size();
    }
    std::size_t capacity() const noexcept { return queue_.capacity(); }

private:
    mutable std::mutex mutex_;
    channel_queue<T, list<shared_waiter>> queue_;
};

/// The common part of waiting at either end.
template <class T>
class shared_channel_wait : public mailed_wait {
protected:
    explicit shared_channel_wait(std::shared_ptr<shared_channel_state<T>> of) noexcept : channel_(std::move(of)) {}
    ~shared_channel_wait() override = default;

    /// The coroutine goes on. @return whether it had waited.
    bool finish() noexcept
    {
        if (!waiting_)
            return false;
        std::exchange(waiting_, nullptr)->release();
        return true;
    }
    /// The coroutine may be gone. What another thread may be using goes after that.
    void leave(bool receiver) noexcept
    {
        if (waiting_)
            channel_->abandon(*waiting_, receiver);
    }

    void stopped() noexcept override
    {
        if (channel_->withdraw(*waiting_))
            this->end(errc::canceled);
    }

    std::shared_ptr<shared_channel_state<T>> channel_;
    shared_waiter* waiting_ = nullptr;
};

template <class T>
class shared_send_wait final : public shared_channel_wait<T> {
public:
    shared_send_wait(std::shared_ptr<shared_channel_state<T>> to, T&& value)
        : shared_channel_wait<T>(std::move(to)), value_(std::move(value))
    {
    }
    ~shared_send_wait() override { this->leave(false); }

    result<> await_resume() noexcept
    {
        this->finish();
        return this->outcome_result();
    }

private:
    bool start() override
    {
        const std::optional<errc> over = this->channel_->send(value_, *this, this->waiting_);
        return over ? this->end_now(*over) : true;
    }

    T value_;
};

template <class T>
class shared_receive_wait final : public shared_channel_wait<T> {
public:
    explicit shared_receive_wait(std::shared_ptr<shared_channel_state<T>> from)
        : shared_channel_wait<T>(std::move(from))
    {
    }
    ~shared_receive_wait() override { this->leave(true); }

    result<T> await_resume()
    {
        const bool waited = this->finish();
        if (this->outcome() != errc{})
            return this->outcome();
        if (waited)
            return this->channel_->take_granted();
        return std::move(*received_);
    }

private:
    bool start() override
    {
        const std::optional<errc> over = this->channel_->receive(received_, *this, this->waiting_);
        return over ? this->end_now(*over) : true;
    }

    std::optional<T> received_;
};

}  // namespace internal

/// A channel between coroutines of any loops, and threads without one.
///
/// It is used as `channel` is, under a lock. Copies are handles of the same channel, so give each thread one of its own.
/// What waits is resumed on its own loop, in an order that between loops is that of their turns; the values themselves come
/// out as they went in. No value is lost: one that was sent stays in the channel until a coroutine has taken it.
/// Handing over allocates nothing.
/// ```
/// coil::shared_channel<job> jobs(64);
/// auto working = coil::call_on(other, [jobs] { return work_on(jobs); });
/// ```
template <class T>
class shared_channel {
public:
    using value_type = T;

    /// @param capacity  values that may lie in the channel. Throws: `std::invalid_argument` when it is 0.
    explicit shared_channel(std::size_t capacity)
        : state_(std::make_shared<internal::shared_channel_state<T>>(capacity))
    {
    }

    /// Puts `value` into the channel, and waits for room before. As `channel::send`.
    /// Errors: `errc::canceled`, `errc::write_after_end` after `close`.
    internal::sending<std::shared_ptr<internal::shared_channel_state<T>>, internal::shared_send_wait<T>, T>
    send(T value) const
    {
        return {state_, std::move(value)};
    }

    /// Puts `value` in if that needs no wait; from any thread. @return false if not; `value` is then unchanged.
    bool try_send(T&& value) const { return state_->try_send(value); }

    /// Takes the oldest value, and waits for one before.
    /// Errors: `errc::end_of_stream` when the channel is closed and empty; `errc::canceled`.
    internal::awaitable<internal::shared_receive_wait<T>, std::shared_ptr<internal::shared_channel_state<T>>>
    receive() const noexcept
    {
        return internal::awaitable<internal::shared_receive_wait<T>,
                                   std::shared_ptr<internal::shared_channel_state<T>>>(state_);
    }

    /// Takes the oldest value if that needs no wait; from any thread.
    std::optional<T> try_receive() const { return state_->try_receive(); }

    /// Lets no further value in, as `channel::close`; from any thread.
    void close() const noexcept { state_->close(); }

    bool closed() const noexcept { return state_->closed(); }
    std::size_t size() const noexcept { return state_->size(); }
    std::size_t capacity() const noexcept { return state_->capacity(); }

private:
    std::shared_ptr<internal::shared_channel_state<T>> state_;
};

}  // namespace coil
