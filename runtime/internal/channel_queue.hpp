#pragma once

#include <coil/runtime/error.hpp>
#include <coil/runtime/internal/value_queue.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace coil::internal {

/// The values that lie in a channel, those who wait at its two ends, and who of them gets what.
///
/// A receiver that waited is granted a value but takes the oldest only when it goes on. Until then the value lies here, so
/// it is not lost with a receiver that never does.
/// How those who wait are told is known to the `Teller`, which each call is given: `end(waiter, errc)`, `grant(waiter)`, and
/// `value_of<T>(waiter)` for what a sender waits to send.
/// @tparam Waiters  a list of who waits.
template <class T, class Waiters>
class channel_queue {
public:
    /// @param waiters  what both lists are made with.
    template <class... Arguments>
    explicit channel_queue(std::size_t capacity, Arguments... waiters)
        : senders(waiters...), receivers(waiters...), values_(capacity)
    {
    }

    Waiters senders;
    Waiters receivers;

    bool closed() const noexcept { return closed_; }
    std::size_t size() const noexcept { return values_.size(); }
    std::size_t capacity() const noexcept { return values_.capacity(); }

    /// Puts `value` in where nobody has to wait for that.
    /// @return how the send ended: in an error if not none; nothing where it has to wait. `value` is then unchanged.
    template <class Teller>
    std::optional<errc> send(T& value, Teller& teller)
    {
        if (closed_)
            return errc::write_after_end;
        if (values_.full())
            return std::nullopt;
        values_.push(std::move(value));
        grant_values(teller);
        return errc{};
    }

    /// Whether there is a value that was granted to nobody, to be had by `take`.
    /// @return how the receive ends: none for success; nothing where it has to wait.
    std::optional<errc> receive() const noexcept
    {
        if (values_.size() > granted_)
            return errc{};
        if (closed_)
            return errc::end_of_stream;
        return std::nullopt;
    }

    /// The oldest value, after `receive` said that there is one.
    template <class Teller>
    T take(Teller& teller)
    {
        T value = values_.pop();
        if (!senders.empty()) {
            auto& sender = senders.front();
            values_.push(std::move(teller.template value_of<T>(sender)));
            teller.end(sender, errc{});
            grant_values(teller);
        }
        return value;
    }
    template <class Teller>
    std::optional<T> try_take(Teller& teller)
    {
        if (receive() != errc{})
            return std::nullopt;
        return take(teller);
    }

    /// The value that a receiver was granted.
    template <class Teller>
    T take_granted(Teller& teller)
    {
        --granted_;
        return take(teller);
    }
    /// A receiver that was granted a value does not come for it.
    template <class Teller>
    void return_grant(Teller& teller) noexcept
    {
        --granted_;
        grant_values(teller);
    }

    template <class Teller>
    void close(Teller& teller) noexcept
    {
        closed_ = true;
        while (!senders.empty())
            teller.end(senders.front(), errc::write_after_end);
        while (!receivers.empty())
            teller.end(receivers.front(), errc::end_of_stream);
    }

private:
    template <class Teller>
    void grant_values(Teller& teller) noexcept
    {
        for (; !receivers.empty() && values_.size() > granted_; ++granted_)
            teller.grant(receivers.front());
    }

    value_queue<T> values_;
    std::size_t granted_ = 0;
    bool closed_ = false;
};

}  // namespace coil::internal
