#pragma once

#include <coil/runtime/internal/value_queue.hpp>
#include <coil/runtime/internal/waiter.hpp>
#include <coil/runtime/result.hpp>

#include <coroutine>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace coil {

template <class T>
class channel;

namespace internal {

template <class T>
class send_wait final : public waiter {
public:
    send_wait(channel<T>* to, T&& value) noexcept : to_(to), value_(std::move(value)) {}

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        return begin(awaiting, stop_token_of(awaiting));
    }
    result<> await_resume() const noexcept { return outcome_result(); }

private:
    friend class channel<T>;

    bool begin(std::coroutine_handle<> awaiting, stop_token token);

    channel<T>* to_;
    T value_;
};

template <class T>
class receive_wait final : public waiter {
public:
    explicit receive_wait(channel<T>* from) noexcept : from_(from) {}
    ~receive_wait() override
    {
        if (take_grant())
            from_->grant_was_not_used();
    }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        return begin(awaiting, stop_token_of(awaiting));
    }
    result<T> await_resume()
    {
        if (take_grant())
            --from_->granted_values_;
        if (outcome() != errc{})
            return outcome();
        return from_->take();
    }

private:
    bool begin(std::coroutine_handle<> awaiting, stop_token token);

    channel<T>* from_;
};

/// A value on its way into a channel: what `send` returns. It can be awaited once.
template <class Channel, class Awaiter, class T>
class [[nodiscard]] sending {
public:
    sending(Channel to, T&& value) noexcept : to_(std::move(to)), value_(std::move(value)) {}

    Awaiter operator co_await() & noexcept { return Awaiter(to_, std::move(value_)); }
    Awaiter operator co_await() && noexcept
        requires(!std::is_aggregate_v<T> || !must_be_named<T>)
    {
        return Awaiter(to_, std::move(value_));
    }

private:
    Channel to_;
    T value_;
};

}  // namespace internal

/// A queue of at most so many values between coroutines of one loop, with a wait at both ends.
///
/// Values come out in the order in which they went in, and so do those who wait. No value is lost: one that was sent stays
/// in the channel until a coroutine has taken it, also when the coroutine that was to take it is stopped or destroyed.
/// Handing over allocates nothing. Between loops use `shared_channel`.
/// Lifetime: those who still wait when it is destroyed get `errc::destroyed`. Thread: one loop.
template <class T>
class channel {
public:
    using value_type = T;

    /// @param capacity  values that may lie in the channel. Throws: `std::invalid_argument` when it is 0.
    explicit channel(std::size_t capacity) : values_(capacity) {}
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    ~channel()
    {
        internal::end_all(senders_, errc::destroyed);
        internal::end_all(receivers_, errc::destroyed);
        internal::end_all(granted_, errc::destroyed);
    }

    /// Puts `value` into the channel, and waits for room before.
    ///
    /// An error says that the value did not get in; it is then destroyed.
    /// On g++ 12 the send of an aggregate that owns something has to be named: `auto sending = c.send({…}); co_await sending;`
    /// Errors: `errc::canceled`, `errc::write_after_end` after `close`, `errc::destroyed`.
    internal::sending<channel*, internal::send_wait<T>, T> send(T value) noexcept { return {this, std::move(value)}; }

    /// Puts `value` in if that needs no wait. @return false if not; `value` is then unchanged.
    bool try_send(T&& value)
    {
        if (closed_ || values_.full())
            return false;
        put(std::move(value));
        return true;
    }

    /// Takes the oldest value, and waits for one before.
    /// Errors: `errc::end_of_stream` when the channel is closed and empty; `errc::canceled`, `errc::destroyed`.
    internal::awaitable<internal::receive_wait<T>, channel*> receive() noexcept
    {
        return internal::awaitable<internal::receive_wait<T>, channel*>(this);
    }

    /// Takes the oldest value if that needs no wait.
    std::optional<T> try_receive()
    {
        if (!has_free_value())
            return std::nullopt;
        return take();
    }

    /// Lets no further value in. What lies in the channel can still be received; then receivers get
    /// `errc::end_of_stream`. Senders that wait for room get `errc::write_after_end`.
    void close() noexcept
    {
        closed_ = true;
        internal::end_all(senders_, errc::write_after_end);
        internal::end_all(receivers_, errc::end_of_stream);
    }

    bool closed() const noexcept { return closed_; }
    /// Values that lie in the channel.
    std::size_t size() const noexcept { return values_.size(); }
    std::size_t capacity() const noexcept { return values_.capacity(); }

private:
    friend class internal::send_wait<T>;
    friend class internal::receive_wait<T>;

    /// Whether there is a value that no receiver on its way was promised.
    bool has_free_value() const noexcept { return values_.size() > granted_values_; }

    void put(T&& value)
    {
        values_.push(std::move(value));
        promise_values();
    }

    T take()
    {
        T value = values_.pop();
        if (!senders_.empty()) {
            auto& sender = static_cast<internal::send_wait<T>&>(senders_.front());
            values_.push(std::move(sender.value_));
            sender.end();
            promise_values();
        }
        return value;
    }

    void promise_values() noexcept
    {
        while (!receivers_.empty() && has_free_value()) {
            ++granted_values_;
            receivers_.front().grant(granted_);
        }
    }

    void grant_was_not_used() noexcept
    {
        --granted_values_;
        promise_values();
    }

    internal::value_queue<T> values_;
    std::size_t granted_values_ = 0;
    bool closed_ = false;
    internal::waiter_queue senders_{"a channel"};
    internal::waiter_queue receivers_{"a channel"};
    internal::list<internal::waiter> granted_;
};

namespace internal {

template <class T>
bool send_wait<T>::begin(std::coroutine_handle<> awaiting, stop_token token)
{
    if (token.stop_requested())
        return end_now(errc::canceled);
    if (to_->closed_)
        return end_now(errc::write_after_end);
    if (to_->values_.full())
        return queue_in(to_->senders_, awaiting, token);
    to_->put(std::move(value_));
    return false;
}

template <class T>
bool receive_wait<T>::begin(std::coroutine_handle<> awaiting, stop_token token)
{
    if (token.stop_requested())
        return end_now(errc::canceled);
    if (from_->has_free_value())
        return false;
    if (from_->closed_)
        return end_now(errc::end_of_stream);
    return queue_in(from_->receivers_, awaiting, token);
}

}  // namespace internal
}  // namespace coil
