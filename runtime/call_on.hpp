#pragma once

#include <coil/runtime/detach.hpp>
#include <coil/runtime/internal/round_trip.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/result.hpp>

#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coil {

namespace internal {

template <class R>
struct called_value {
    using type = R;
};
template <class T>
struct called_value<task<T>> {
    using type = T;
};

/// A call that is made on another loop.
template <class Callable>
class remote_call final : public valued_trip<call_outcome<typename called_value<std::invoke_result_t<Callable&>>::type>> {
public:
    using returned = std::invoke_result_t<Callable&>;

    remote_call(Callable&& callable, std::shared_ptr<mailbox> target)
        : target_(std::move(target)), stop_letter_(*this)
    {
        callable_.emplace(std::move(callable));
    }

    bool send() { return target_->send(*this); }

    void make() noexcept override
    {
        if (!this->begin()) {
            this->go_home();
        } else if constexpr (is_task<returned>) {
            run_coroutine(this).start_now();
        } else {
            this->keep_outcome_of(*callable_);
            callable_.reset();
            this->go_home();
        }
    }

private:
    /// On the target loop for as long as the coroutine is there, however it ends.
    class visit {
    public:
        explicit visit(remote_call& call) noexcept : call_(call) { call.running_ = &stop; }
        visit(const visit&) = delete;
        visit& operator=(const visit&) = delete;
        ~visit()
        {
            call_.running_ = nullptr;
            call_.callable_.reset();
            if (ended)
                call_.go_home();
            else
                call_.fail(errc::destroyed);
        }

        stop_source stop;
        bool ended = false;

    private:
        remote_call& call_;
    };

    /// Carries a stop request to the target loop.
    class stop_letter final : public mail {
    public:
        explicit stop_letter(remote_call& of) noexcept : of_(of) {}
        void deliver() noexcept override
        {
            if (of_.running_)
                of_.running_->request_stop();
            of_.release();
        }
        void drop() noexcept override { of_.release(); }

    private:
        remote_call& of_;
    };

    static detached run_coroutine(remote_call* call)
    {
        visit here(*call);
        co_await use_stop_token(here.stop.token());
        try {
            returned running = (*call->callable_)();
            if constexpr (std::is_void_v<typename returned::value_type>) {
                co_await running;
                call->value_.emplace();
            } else {
                typename returned::value_type value = co_await running;
                call->value_.emplace(std::move(value));
            }
        } catch (...) {
            call->exception_ = std::current_exception();
        }
        here.ended = true;
    }

    void stop_call() noexcept override
    {
        if constexpr (is_task<returned>) {
            if (std::exchange(stop_sent_, true))
                return;
            this->add_reference();
            if (!target_->send(stop_letter_))
                this->release();
        }
    }

    std::optional<Callable> callable_;
    std::shared_ptr<mailbox> target_;
    stop_letter stop_letter_;
    bool stop_sent_ = false;
    stop_source* running_ = nullptr;  // touched only on the target's thread
};

template <class Callable>
class call_on_wait final : public round_trip_wait {
public:
    using call_type = remote_call<Callable>;
    using outcome_type = call_outcome<typename called_value<std::invoke_result_t<Callable&>>::type>;

    explicit call_on_wait(call_type* call) noexcept : round_trip_wait(*call, false), call_(*call) {}

    outcome_type await_resume()
    {
        if (outcome() != errc{})
            return outcome();
        return call_.take();
    }

private:
    bool start() override
    {
        set_out();
        return call_.send() || turn_back(errc::destroyed);
    }

    call_type& call_;
};

/// What `call_on` returns. It can be awaited once.
template <class Callable>
class [[nodiscard]] calling_on {
public:
    calling_on(std::shared_ptr<mailbox> target, Callable&& callable)
        : target_(std::move(target)), callable_(std::move(callable))
    {
    }

    call_on_wait<Callable> operator co_await() & { return wait(); }
    call_on_wait<Callable> operator co_await() &&
        requires(!must_be_named<Callable>)
    {
        return wait();
    }

private:
    call_on_wait<Callable> wait()
    {
        return call_on_wait<Callable>(new remote_call<Callable>(std::move(callable_), std::move(target_)));
    }

    std::shared_ptr<mailbox> target_;
    Callable callable_;
};

/// A call from a thread without a loop: what comes of it goes to a future.
template <class Callable>
class future_call final : public mail, public pooled {
public:
    using returned = std::invoke_result_t<Callable&>;
    using outcome = call_outcome<typename called_value<returned>::type>;

    explicit future_call(Callable&& callable) : callable_(std::move(callable)) {}

    std::future<outcome> future() { return promise_.get_future(); }

    void deliver() noexcept override
    {
        if constexpr (is_task<returned>) {
            run_coroutine(std::unique_ptr<future_call>(this)).start_now();
        } else {
            const std::unique_ptr<future_call> self(this);
            try {
                if constexpr (std::is_void_v<returned>) {
                    callable_();
                    give(outcome());
                } else {
                    give(outcome(callable_()));
                }
            } catch (...) {
                fail(std::current_exception());
            }
        }
    }
    void drop() noexcept override { delete this; }
    /// The loop goes before the call has ended, or was never reached.
    ~future_call()
    {
        if (!given_)
            give(outcome(errc::destroyed));
    }

private:
    void give(outcome&& what)
    {
        given_ = true;
        promise_.set_value(std::move(what));
    }
    void fail(std::exception_ptr why)
    {
        given_ = true;
        promise_.set_exception(std::move(why));
    }

    static detached run_coroutine(std::unique_ptr<future_call> self)
    {
        try {
            returned running = self->callable_();
            if constexpr (std::is_void_v<typename returned::value_type>) {
                co_await running;
                self->give(outcome());
            } else {
                typename returned::value_type value = co_await running;
                self->give(outcome(std::move(value)));
            }
        } catch (...) {
            self->fail(std::current_exception());
        }
    }

    Callable callable_;
    std::promise<outcome> promise_;
    bool given_ = false;
};

}  // namespace internal

/// Runs `callable()`, a function or a coroutine, on another loop and gives what it returns.
///
/// The callable goes to the other thread and is destroyed there. It must not refer to what dies with the awaiting coroutine:
/// a coroutine that is stopped waits until the call has ended, but destroying its frame does not.
/// A stop request reaches the coroutine on the other loop; a call that was not begun is not made, and what ends with a
/// value all the same is a success.
/// ```
/// auto counting = coil::call_on(other, [] { return sessions.size(); });
/// auto count = co_await counting;
/// ```
/// On g++ 12 a callable that owns something has to be named, as here.
/// @return the value; a `result` is passed on as it is.
/// Errors: `errc::canceled`; `errc::destroyed` where the other loop is gone or goes meanwhile.   Throws: what `callable`
/// throws.
/// Mistake: awaiting it on a thread without a loop stops the program; the form with `use_future` is for such threads.
/// Node: worker.postMessage and its answer.
template <class Callable>
internal::calling_on<Callable> call_on(loop_handle where, Callable callable)
{
    return internal::calling_on<Callable>(where.mailbox(), std::move(callable));
}

/// Says that a future is wanted in place of something to await.
struct use_future_t {};
inline constexpr use_future_t use_future{};

/// The same from any thread, with a loop or without: the future gives what comes of the call.
/// ```
/// const coil::result<std::size_t> count = coil::call_on(other, [] { return sessions.size(); }, coil::use_future).get();
/// ```
/// Nothing stops the call. Waiting for the future on the loop's own thread would be for ever.
/// @return a future of the value; a `result` is passed on as it is.
/// Errors: `errc::destroyed` where the loop is gone or goes meanwhile.   Throws: from the future, what `callable` throws.
template <class Callable>
std::future<typename internal::future_call<Callable>::outcome> call_on(const loop_handle& where, Callable callable,
                                                                       use_future_t)
{
    auto call = std::make_unique<internal::future_call<Callable>>(std::move(callable));
    auto future = call->future();
    if (where.mailbox()->send(*call))
        static_cast<void>(call.release());
    return future;
}

}  // namespace coil
