#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/mailbox.hpp>
#include <coil/runtime/result.hpp>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coil::internal {

class round_trip_wait;

/// A call that is made on another thread, and whose outcome comes home to the coroutine that waits for it.
///
/// The object itself travels, out and home again. It is shared by its journey, by the one who waits and by a stop request
/// under way, so each of them may be gone before the others; memory comes from the pool of the thread that asks.
class round_trip : public mail, public pooled {
public:
    /// The other side. Makes the call if somebody still waits for it, and goes home.
    virtual void make() noexcept = 0;
    /// The other side: goes home without the call.
    void fail(errc why) noexcept
    {
        failure_ = why;
        go_home();
    }

    void deliver() noexcept final;
    void drop() noexcept final;

protected:
    round_trip() noexcept;
    virtual ~round_trip() = default;

    /// The other side. @return false if nobody waits any more: the call is not to be made.
    bool begin() noexcept
    {
        phase expected = phase::out;
        return phase_.compare_exchange_strong(expected, phase::begun, std::memory_order_acq_rel);
    }
    void go_home() noexcept;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept
    {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            delete this;
    }

private:
    friend class round_trip_wait;
    enum class phase : std::uint8_t { out, begun, revoked };

    /// The call was begun and nobody waits for it any more, or it is to be stopped.
    virtual void stop_call() noexcept {}

    std::atomic<int> references_{2};  // the journey's and that of the one who waits
    std::atomic<phase> phase_{phase::out};
    bool homeward_ = false;
    errc failure_{};
    std::shared_ptr<mailbox> home_;
    round_trip_wait* waiting_ = nullptr;  // touched only on the thread of home
};

/// Waits for a round trip.
class round_trip_wait : public stoppable_wait {
public:
    bool await_ready() const noexcept { return false; }

protected:
    /// @param ends_at_once  a stop ends the wait even if the call was begun.
    round_trip_wait(round_trip& of, bool ends_at_once) noexcept : trip_(of), ends_at_once_(ends_at_once) {}
    ~round_trip_wait() override;

    void set_out(std::coroutine_handle<> awaiting, stop_token token) noexcept
    {
        trip_.waiting_ = this;
        wait_with(awaiting, token);
    }
    /// Where the trip did not begin. @return false, for `await_suspend`.
    bool stay(errc why) noexcept
    {
        failure_ = why;
        trip_.release();  // the journey's
        return false;
    }
    /// The same after `set_out`.
    bool turn_back(errc why) noexcept
    {
        trip_.waiting_ = nullptr;
        forget_stop();
        return stay(why);
    }
    errc failure() const noexcept { return failure_; }

private:
    friend class round_trip;

    void arrived() noexcept
    {
        failure_ = trip_.failure_;
        resume_later();
    }
    void stopped() noexcept override;
    /// @return whether the call is not going to be made.
    bool revoke() noexcept;

    round_trip& trip_;
    bool ends_at_once_;
    errc failure_{};
};

/// What comes of a call that gives an `R`: a `result` is passed on as it is.
template <class R>
using call_outcome = std::conditional_t<is_result<R>, R, result<R>>;

/// A round trip with the value of the call.
template <class Outcome>
class valued_trip : public round_trip {
public:
    Outcome take()
    {
        if (exception_)
            std::rethrow_exception(std::exchange(exception_, nullptr));
        return std::move(*value_);
    }

protected:
    template <class F>
    void keep_outcome_of(F& call) noexcept
    {
        try {
            if constexpr (std::is_void_v<decltype(call())>) {
                call();
                value_.emplace();
            } else {
                value_.emplace(call());
            }
        } catch (...) {
            exception_ = std::current_exception();
        }
    }

    std::optional<Outcome> value_;
    std::exception_ptr exception_;
};

}  // namespace coil::internal
