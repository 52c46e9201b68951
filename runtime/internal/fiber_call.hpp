#pragma once

#include <coil/runtime/cancel.hpp>
#include <coil/runtime/internal/bottom_coroutine.hpp>
#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/runtime/internal/fiber_switch.hpp>
#include <coil/runtime/internal/list.hpp>
#include <coil/runtime/task.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coil::internal {

class fiber_call;
class fiber_wait;
struct fiber_thread;

/// A value or an exception on its way from one stack to the other.
template <class T>
class fiber_outcome {
public:
    template <class Callable>
    void keep_result_of(Callable& callable) noexcept
    {
        try {
            if constexpr (std::is_void_v<T>)
                callable();
            else
                keep(callable());
        } catch (...) {
            fail(std::current_exception());
        }
    }
    template <class U>
    void keep(U&& value)
    {
        if constexpr (std::is_reference_v<T>)
            value_.emplace(std::addressof(value));
        else
            value_.emplace(std::forward<U>(value));
    }
    void fail(std::exception_ptr exception) noexcept { exception_ = std::move(exception); }

    T take()
    {
        if (exception_)
            std::rethrow_exception(std::exchange(exception_, nullptr));
        if constexpr (std::is_reference_v<T>)
            return static_cast<T>(**value_);
        else if constexpr (!std::is_void_v<T>)
            return std::move(*value_);
    }

private:
    struct nothing {};
    using kept = std::conditional_t<
        std::is_void_v<T>, nothing,
        std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, std::remove_cv_t<T>>>;

    std::optional<kept> value_;
    std::exception_ptr exception_;
};

/// The coroutine that awaits on the thread's own stack what a fiber waits for.
class fiber_driver {
public:
    struct promise_type final : bottom_promise<promise_type> {
        fiber_driver get_return_object() noexcept { return fiber_driver(frame()); }
        /// Nothing of it is left when the fiber goes on: user code that ends with it has ended on the thread's stack.
        void left() noexcept;
        void unhandled_exception() const noexcept;

        fiber_wait* wait = nullptr;
    };

    fiber_driver() noexcept = default;
    explicit fiber_driver(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

private:
    friend class fiber_wait;

    std::coroutine_handle<promise_type> frame_;
};

/// One wait inside a fiber. It lives on the fiber's stack; all its functions but the constructor run on the thread's.
class fiber_wait {
public:
    fiber_wait() noexcept = default;
    fiber_wait(const fiber_wait&) = delete;
    fiber_wait& operator=(const fiber_wait&) = delete;

    /// @return whether it ended at once.
    bool start(fiber_call& call, stop_token token) noexcept;
    /// Ends it with neither a value nor an exception.
    void drop() noexcept;
    bool starting() const noexcept { return starting_; }

protected:
    ~fiber_wait() = default;

private:
    friend struct fiber_driver::promise_type;

    virtual fiber_driver make_driver() = 0;
    virtual void fail(std::exception_ptr exception) noexcept = 0;
    void end() noexcept;

    fiber_call* call_ = nullptr;
    fiber_driver driver_;
    bool starting_ = false;
    bool ended_ = false;
};

/// A function that runs on a fiber, seen from the coroutine that awaits it: the part that does not depend on types.
class fiber_call : public list_hook<fiber_call> {
public:
    fiber_call(const fiber_call&) = delete;
    fiber_call& operator=(const fiber_call&) = delete;

    /// The one whose function the caller runs in; null outside of a fiber.
    static fiber_call* current() noexcept;

    /// On the fiber: gives the thread away until `wait` has ended. @return false where the fiber has to come to its end and
    /// the wait brought nothing.
    bool suspend(fiber_wait& wait) noexcept;
    /// On the thread's stack: lets the fiber go on, and when it has ended also the coroutine that awaits it.
    void resume() noexcept;
    /// On the thread's stack: makes the function return, if it has not; every wait fails from now on.
    void finish() noexcept;
    /// How deep its stack was used is told to the pool.
    void measure() const noexcept;

protected:
    fiber_call() noexcept = default;
    ~fiber_call() = default;

    /// @return whether the awaiting coroutine has to wait.
    bool begin(std::coroutine_handle<> awaiting, stop_token token);

private:
    friend class fiber_wait;

    virtual void invoke() noexcept = 0;

    static fiber_side& enter(void* self) noexcept;
    bool run() noexcept;
    void switch_in() noexcept;

    fiber_thread* thread_ = nullptr;
    std::optional<fiber_stack> stack_;
    fiber_side fiber_;
    fiber_side resumer_;
    std::coroutine_handle<> awaiting_;
    stop_token token_;
    fiber_wait* waiting_ = nullptr;
    bool running_ = false;
    bool ended_ = false;
    bool stopping_ = false;
};

/// Lives in the frame of the awaiting coroutine.
template <class Callable>
class fiber_call_wait final : public fiber_call {
public:
    using value_type = std::invoke_result_t<Callable&>;

    explicit fiber_call_wait(Callable& callable) noexcept : callable_(callable) {}
    ~fiber_call_wait() { finish(); }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        return begin(awaiting, stop_token_of(awaiting));
    }
    value_type await_resume() { return outcome_.take(); }

private:
    void invoke() noexcept override { outcome_.keep_result_of(callable_); }

    Callable& callable_;
    fiber_outcome<value_type> outcome_;
};

/// What `fiber::call` returns.
template <class Callable>
class [[nodiscard]] fiber_call_awaitable {
public:
    explicit fiber_call_awaitable(Callable callable) noexcept(std::is_nothrow_move_constructible_v<Callable>)
        : callable_(std::move(callable))
    {
    }

    fiber_call_wait<Callable> operator co_await() & noexcept { return fiber_call_wait<Callable>(callable_); }
    /// A callable that owns something has to have a name before it is awaited: g++ 12 destroys twice what is made in the
    /// expression that awaits it.
    fiber_call_wait<Callable> operator co_await() && noexcept
        requires std::is_trivially_destructible_v<Callable>
    {
        return fiber_call_wait<Callable>(callable_);
    }

private:
    Callable callable_;
};

template <class A>
concept awaited_as_rvalue = requires(A&& awaitable) { awaiter_of(std::forward<A>(awaitable)).await_resume(); };

/// How a fiber awaits what it was given as `A&&`.
template <class A>
struct fiber_awaited {
    /// What the driver's frame holds, so that it also ends there.
    using held = std::conditional_t<std::move_constructible<A>, A, A&>;
    using awaited = std::conditional_t<awaited_as_rvalue<A>, A&&, A&>;
};
template <class A>
struct fiber_awaited<A&> {
    using held = A&;
    using awaited = A&;
};

/// What `fiber::await` returns for an `A&&`. A value in place of a reference to what ends with the wait.
template <class A>
using fiber_awaited_value =
    std::conditional_t<std::is_rvalue_reference_v<await_result<typename fiber_awaited<A>::awaited>>,
                       std::remove_cvref_t<await_result<typename fiber_awaited<A>::awaited>>,
                       await_result<typename fiber_awaited<A>::awaited>>;

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"  // the frame may hold a type of an unnamed namespace
#endif

template <class Held, class Awaited, class Value>
fiber_driver drive(Held held, fiber_outcome<Value>& outcome)
{
    if constexpr (std::is_void_v<Value>) {
        co_await static_cast<Awaited>(held);
    } else {
        await_result<Awaited>&& got = co_await static_cast<Awaited>(held);
        outcome.keep(std::forward<await_result<Awaited>>(got));
    }
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

template <class A>
class fiber_await_wait final : public fiber_wait {
public:
    using value_type = fiber_awaited_value<A>;

    explicit fiber_await_wait(std::remove_reference_t<A>& awaitable) noexcept : awaitable_(awaitable) {}

    value_type take() { return outcome_.take(); }

private:
    fiber_driver make_driver() override
    {
        using held = typename fiber_awaited<A>::held;
        using awaited = typename fiber_awaited<A>::awaited;
        if constexpr (std::is_reference_v<held>)
            return drive<held, awaited>(awaitable_, outcome_);
        else
            return drive<held, awaited>(std::move(awaitable_), outcome_);
    }
    void fail(std::exception_ptr exception) noexcept override { outcome_.fail(std::move(exception)); }

    std::remove_reference_t<A>& awaitable_;
    fiber_outcome<value_type> outcome_;
};

/// Stops the program outside of a fiber. @return false where the fiber has to come to its end.
bool wait_in_fiber(fiber_wait& wait) noexcept;

}  // namespace coil::internal
