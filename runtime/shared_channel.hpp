#pragma once

#include <coil/runtime/channel.hpp>
#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/shared_waiter.hpp>
#include <coil/runtime/internal/value_queue.hpp>
#include <coil/runtime/result.hpp>

#include <coroutine>
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
    explicit shared_channel_state(std::size_t capacity) : values_(capacity) {}

    bool try_send(T& value)
    {
        shared_waiter::ended told;
        const std::lock_guard lock(mutex_);
        return put(value, told);
    }

    std::optional<T> try_receive()
    {
        shared_waiter::ended told;
        const std::lock_guard lock(mutex_);
        if (!has_free_value())
            return std::nullopt;
        return take(told);
    }

    /// @return whether the wait began; otherwise `why` says how the send ended.
    bool send_or_wait(T& value, errc& why, mailed_wait& wait, shared_waiter*& waiting)
    {
        shared_waiter::ended told;
        const std::lock_guard lock(mutex_);
        if (closed_) {
            why = errc::write_after_end;
            return false;
        }
        if (put(value, told))
            return false;
        waiting = new shared_waiter(wait, &value);
        senders_.push_back(*waiting);
        return true;
    }

    /// @return whether the wait began; otherwise `received` or `why` says how it ended.
    bool receive_or_wait(std::optional<T>& received, errc& why, mailed_wait& wait, shared_waiter*& waiting)
    {
        shared_waiter::ended told;
        const std::lock_guard lock(mutex_);
        if (has_free_value()) {
            received.emplace(take(told));
            return false;
        }
        if (closed_) {
            why = errc::end_of_stream;
            return false;
        }
        waiting = new shared_waiter(wait, nullptr);
        receivers_.push_back(*waiting);
        return true;
    }

    /// Takes the value that `of` was granted.
    T take_granted()
    {
        shared_waiter::ended told;
        const std::lock_guard lock(mutex_);
        --granted_values_;
        return take(told);
    }

    /// The wait is to end with `why`, if nothing else ended it before. @return whether it did.
    bool stop(shared_waiter& of, errc why) noexcept
    {
        const std::lock_guard lock(mutex_);
        return of.end_unsent(why);
    }

    /// The coroutine that waited is gone.
    void abandon(shared_waiter& of, bool receiver) noexcept
    {
        {
            shared_waiter::ended told;
            const std::lock_guard lock(mutex_);
            if (of.abandon() && receiver) {
                --granted_values_;
                grant_values(told);
            }
        }
        of.release();
    }

    void close() noexcept
    {
        shared_waiter::ended told;
        const std::lock_guard lock(mutex_);
        closed_ = true;
        while (!senders_.empty())
            senders_.pop_front().end(errc::write_after_end, told);
        while (!receivers_.empty())
            receivers_.pop_front().end(errc::end_of_stream, told);
    }

    bool closed() const noexcept
    {
        const std::lock_guard lock(mutex_);
        return closed_;
    }
    std::size_t size() const noexcept
    {
        const std::lock_guard lock(mutex_);
        return values_.size();
    }
    std::size_t capacity() const noexcept { return values_.capacity(); }

private:
    bool has_free_value() const noexcept { return values_.size() > granted_values_; }

    bool put(T& value, shared_waiter::ended& told)
    {
        if (closed_ || values_.full())
            return false;
        values_.push(std::move(value));
        grant_values(told);
        return true;
    }

    T take(shared_waiter::ended& told)
    {
        T value = values_.pop();
        if (!senders_.empty()) {
            shared_waiter& sender = senders_.pop_front();
            values_.push(std::move(*static_cast<T*>(sender.value())));
            sender.end(errc{}, told);
            grant_values(told);
        }
        return value;
    }

    void grant_values(shared_waiter::ended& told) noexcept
    {
        while (!receivers_.empty() && has_free_value()) {
            ++granted_values_;
            receivers_.pop_front().end(errc{}, told);
        }
    }

    mutable std::mutex mutex_;
    value_queue<T> values_;
    std::size_t granted_values_ = 0;
    bool closed_ = false;
    list<shared_waiter> senders_;
    list<shared_waiter> receivers_;
};

/// The common part of waiting at either end.
template <class T>
class shared_channel_wait : public mailed_wait {
public:
    bool await_ready() const noexcept { return false; }

protected:
    shared_channel_wait(std::shared_ptr<shared_channel_state<T>> of, bool receiver) noexcept
        : channel_(std::move(of)), receiver_(receiver)
    {
    }
    ~shared_channel_wait() override
    {
        if (waiting_)
            channel_->abandon(*waiting_, receiver_);
    }

    /// @return how the wait ended.
    errc finish() noexcept
    {
        if (!waiting_)
            return why_;
        const errc why = waiting_->why();
        std::exchange(waiting_, nullptr)->release();
        return why;
    }
    bool was_waiting() const noexcept { return waiting_ != nullptr; }

    void stopped() noexcept override
    {
        if (channel_->stop(*waiting_, errc::canceled))
            resume_later();
    }

    std::shared_ptr<shared_channel_state<T>> channel_;
    shared_waiter* waiting_ = nullptr;
    errc why_{};

private:
    bool receiver_;
};

template <class T>
class shared_send_wait final : public shared_channel_wait<T> {
public:
    shared_send_wait(std::shared_ptr<shared_channel_state<T>> to, T&& value)
        : shared_channel_wait<T>(std::move(to), false), value_(std::move(value))
    {
    }
    /// Leaves before the value goes: another thread may be taking it just now.
    ~shared_send_wait() override
    {
        if (this->waiting_)
            this->channel_->abandon(*std::exchange(this->waiting_, nullptr), false);
    }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        const stop_token token = stop_token_of(awaiting);
        if (token.stop_requested())
            this->why_ = errc::canceled;
        else if (this->channel_->send_or_wait(value_, this->why_, *this, this->waiting_))
            this->wait_with(awaiting, token);
        return this->was_waiting();
    }
    result<> await_resume() noexcept
    {
        const errc why = this->finish();
        return why == errc{} ? result<>() : result<>(why);
    }

private:
    T value_;
};

template <class T>
class shared_receive_wait final : public shared_channel_wait<T> {
public:
    explicit shared_receive_wait(std::shared_ptr<shared_channel_state<T>> from)
        : shared_channel_wait<T>(std::move(from), true)
    {
    }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        const stop_token token = stop_token_of(awaiting);
        if (token.stop_requested())
            this->why_ = errc::canceled;
        else if (this->channel_->receive_or_wait(received_, this->why_, *this, this->waiting_))
            this->wait_with(awaiting, token);
        return this->was_waiting();
    }
    result<T> await_resume()
    {
        const bool waited = this->was_waiting();
        const errc why = this->finish();
        if (why != errc{})
            return why;
        if (waited)
            return this->channel_->take_granted();
        return std::move(*received_);
    }

private:
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
        return internal::awaitable<internal::shared_receive_wait<T>, std::shared_ptr<internal::shared_channel_state<T>>>(
            state_);
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
