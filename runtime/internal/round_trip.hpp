#pragma once

#include <coil/runtime/internal/mailed_wait.hpp>
#include <coil/runtime/internal/ring/worker_pool.hpp>
#include <coil/runtime/result.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace coil::internal {

class round_trip_wait;

/// A call that is made on another thread, and whose outcome comes home to the coroutine that waits for it.
///
/// The object itself travels, out and home again. It is shared by its journey, by the one who waits and by a stop request
/// under way, so each of them may be gone before the others.
class round_trip : public reply, public job {
public:
    /// The other side. Makes the call if somebody still waits for it, and goes home.
    void make() noexcept override = 0;
    /// The other side: goes home without the call.
    void fail(errc why) noexcept
    {
        why_ = why;
        go_home();
    }

    void deliver() noexcept final;
    void drop() noexcept final;

protected:
    round_trip() noexcept;
    ~round_trip() override = default;

    /// The other side. @return false if nobody waits any more: the call is not to be made.
    bool begin() noexcept { return leave_out_for(phase::begun); }

private:
    friend class round_trip_wait;
    enum class phase : std::uint8_t { out, begun, revoked };

    /// @return false where it was not `out` any more.
    bool leave_out_for(phase to) noexcept
    {
        phase expected = phase::out;
        return phase_.compare_exchange_strong(expected, to, std::memory_order_acq_rel);
    }
    /// The call was begun and nobody waits for it any more, or it is to be stopped.
    virtual void stop_call() noexcept {}

    std::atomic<phase> phase_{phase::out};
};

/// Waits for a round trip.
class round_trip_wait : public mailed_wait {
protected:
    /// @param ends_at_once  a stop ends the wait even if the call was begun.
    round_trip_wait(round_trip& of, bool ends_at_once) noexcept : trip_(of), ends_at_once_(ends_at_once) {}
    ~round_trip_wait() override;

    void set_out() noexcept
    {
        trip_.set_wait(this);
        trip_.add_reference();
    }
    /// Where the trip did not begin after all. @return false, for `start`.
    bool turn_back(errc why) noexcept
    {
        trip_.set_wait(nullptr);
        trip_.release();
        return end_now(why);
    }

private:
    void stopped() noexcept override;
    /// @return whether the call is not going to be made.
    bool revoke() noexcept { return trip_.leave_out_for(round_trip::phase::revoked); }

    round_trip& trip_;
    bool ends_at_once_;
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
