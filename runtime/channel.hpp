#pragma once

#include <coil/runtime/internal/channel_queue.hpp>
#include <coil/runtime/internal/waiter.hpp>
#include <coil/runtime/result.hpp>

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

    result<> await_resume() const noexcept { return outcome_result(); }

private:
    friend class channel_teller;

    bool start() override;

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
            from_->queue_.return_grant(from_->teller_);
    }

    result<T> await_resume()
    {
        if (take_grant())
            return from_->queue_.take_granted(from_->teller_);
        if (outcome() != errc{})
            return outcome();
        return from_->queue_.take(from_->teller_);
    }

private:
    bool start() override;

    channel<T>* from_;
};

/// Tells those who wait in a channel, on its thread.
class channel_teller {
public:
    ~channel_teller() { end_all(granted_, errc::destroyed); }

    void end(waiter& who, errc why) noexcept { who.end(why); }
    void grant(waiter& receiver) noexcept { receiver.grant(granted_); }
    template <class T>
    T& value_of(waiter& sender) noexcept
    {
        return static_cast<send_wait<T>&>(sender).value_;
    }

private:
    list<waiter> granted_;
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
    explicit channel(std::size_t capacity) : queue_(capacity, "a channel") {}
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    ~channel()
    {
        internal::end_all(queue_.senders, errc::destroyed);
        internal::end_all(queue_.receivers, errc::destroyed);
    }

    /// Puts `value` into the channel, and waits for room before.
    ///
    /// An error says that the value did not get in; it is then destroyed.
    /// On g++ 12 the send of an aggregate that owns something has to be named: `auto sending = c.send({…}); co_await sending;`
    /// Errors: `errc::canceled`, `errc::write_after_end` after `close`, `errc::destroyed`.
    internal::sending<channel*, internal::send_wait<T>, T> send(T value) noexcept { return {this, std::move(value)}; }

    /// Puts `value` in if that needs no wait. @return false if not; `value` is then unchanged.
    bool try_send(T&& value) { return queue_.send(value, teller_) == errc{}; }

    /// Takes the oldest value, and waits for one before.
    /// Errors: `errc::end_of_stream` when the channel is closed and empty; `errc::canceled`, `errc::destroyed`.
    internal::awaitable<internal::receive_wait<T>, channel*> receive() noexcept
    {
        return internal::awaitable<internal::receive_wait<T>, channel*>(this);
    }

    /// Takes the oldest value if that needs no wait.
    std::optional<T> try_receive() { return queue_.try_take(teller_); }

    /// Lets no further value in. What lies in the channel can still be received; then receivers get
    /// `errc::end_of_stream`. Senders that wait for room get `errc::write_after_end`.
    void close() noexcept { queue_.close(teller_); }

    bool closed() const noexcept { return queue_.closed(); }
    /// Values that lie in the channel.
    std::size_t size() const noexcept { return queue_.size(); }
    std::size_t capacity() const noexcept { return queue_.capacity(); }

private:
    friend class internal::send_wait<T>;
    friend class internal::receive_wait<T>;

    internal::channel_queue<T, internal::waiter_queue> queue_;
    internal::channel_teller teller_;
};

namespace internal {

template <class T>
bool send_wait<T>::start()
{
    const std::optional<errc> over = to_->queue_.send(value_, to_->teller_);
    return over ? end_now(*over) : queue_in(to_->queue_.senders);
}

template <class T>
bool receive_wait<T>::start()
{
    const std::optional<errc> over = from_->queue_.receive();
    return over ? end_now(*over) : queue_in(from_->queue_.receivers);
}

}  // namespace internal
}  // namespace coil
