#pragma once

#include <coil/runtime/cancel.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/internal/operation.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <coroutine>
#include <tuple>
#include <type_traits>

namespace coil::internal {

/// Whether a temporary that is or holds a `T` must not stand in an expression with co_await: g++ 12 destroys aggregates and
/// lambdas there twice. A lambda cannot be told from another class, so every one that owns something counts.
template <class T>
inline constexpr bool must_be_named =
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
    std::is_class_v<T> && !std::is_trivially_destructible_v<T>;
#else
    false;
#endif

/// What a function such as `read` returns: a description of what is to be awaited. It can be moved, stored and given to
/// `with_timeout`; nothing starts before it is awaited. `Awaiter` then lives in the awaiting frame and never moves.
template <class Awaiter, class... Arguments>
class [[nodiscard]] awaitable {
public:
    explicit awaitable(Arguments... arguments) noexcept : arguments_(std::move(arguments)...) {}

    Awaiter operator co_await() const noexcept
    {
        return std::apply([](const Arguments&... each) { return Awaiter(each...); }, arguments_);
    }

private:
    std::tuple<Arguments...> arguments_;
};

/// A wait that a stop request can end: the common part of coil's awaiters.
///
/// A derived awaiter offers `bool begin()`, which starts the wait or says that there is none, and `void stopped()`, which
/// is called when a stop is requested meanwhile. It resumes the coroutine by `resume_later()`.
class stoppable_wait : public ready_coroutine {
public:
    stoppable_wait(const stoppable_wait&) = delete;
    stoppable_wait& operator=(const stoppable_wait&) = delete;

protected:
    stoppable_wait() noexcept : stop_(&stoppable_wait::on_stop, this) {}
    ~stoppable_wait() override = default;

    /// @param token  a stop of it ends the wait.
    void wait_with(std::coroutine_handle<> awaiting, stop_token token) noexcept
    {
        awaiting_ = awaiting;
        resumed_.keep(awaiting.address());
        thread_.check();
        token.attach(stop_);
    }
    void resume_later() noexcept;
    /// For awaiters that resume the coroutine themselves: a later stop request is no longer theirs.
    void forget_stop() noexcept { stop_.unlink(); }

    virtual void stopped() noexcept = 0;

private:
    static void on_stop(void* self) noexcept { static_cast<stoppable_wait*>(self)->stopped(); }

    stop_callback stop_;
    [[no_unique_address]] thread_mark thread_{"a wait"};
};

/// A wait that ends exactly once: with what it waits for, with why that cannot be had, or stopped.
class single_wait : public stoppable_wait {
public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        const stop_token token = stop_token_of(awaiting);
        if (token.stop_requested() || !start())
            return false;
        wait_with(awaiting, token);
        return true;
    }

protected:
    /// Begins to wait. @return false where `end_now` said how it ended without that.
    virtual bool start() = 0;
    void stopped() noexcept override { end(errc::canceled); }

    /// @param why  none for success.
    void end(errc why = errc{}) noexcept
    {
        outcome_ = why;
        resume_later();
    }
    /// The same where the coroutine goes on by itself. @return false, for `start`.
    bool end_now(errc why = errc{}) noexcept
    {
        outcome_ = why;
        return false;
    }

    /// How the wait ended; none for success.
    errc outcome() const noexcept { return outcome_; }
    result<> outcome_result() const noexcept { return outcome_ == errc{} ? result<>() : result<>(outcome_); }

private:
    errc outcome_ = errc::canceled;  // until it ends otherwise: what was stopped before does not begin
};

/// Awaits one operation of the ring.
class operation_wait : public stoppable_wait, private completion_handler {
public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        return begin(awaiting, stop_token_of(awaiting));
    }

protected:
    explicit operation_wait(const request& wanted, std::unique_ptr<operation_memory> memory = nullptr) noexcept
        : wanted_(wanted), memory_(std::move(memory))
    {
    }
    /// The kernel may use the caller's memory, so destroying a pending wait takes until it no longer does.
    ~operation_wait() override { operation_.abandon_borrowed(); }

    /// As a system call's: not negative, or minus an errno.
    int outcome() const noexcept { return outcome_; }

private:
    bool begin(std::coroutine_handle<> awaiting, stop_token token);
    void complete(const completion& what, operation_memory*) noexcept override;
    void stopped() noexcept override { operation_.cancel(); }

    request wanted_;
    std::unique_ptr<operation_memory> memory_;
    operation operation_;
    int outcome_ = 0;
};

/// Hands `token` to everything that the awaiting coroutine awaits from here on.
class use_stop_token {
public:
    explicit use_stop_token(stop_token token) noexcept : token_(token) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting) const noexcept
    {
        awaiting.promise().set_stop_token(token_);
        return false;
    }
    void await_resume() const noexcept {}

private:
    stop_token token_;
};

/// Awaits `awaitable` with `token` in place of that of the awaiting coroutine.
template <class Awaitable>
task<await_result<Awaitable&>> await_with(stop_token token, Awaitable awaitable)
{
    co_await use_stop_token(token);
    if constexpr (std::is_void_v<await_result<Awaitable&>>) {
        co_await awaitable;
    } else {
        await_result<Awaitable&> outcome = co_await awaitable;
        co_return outcome;
    }
}

}  // namespace coil::internal
