#pragma once

#include <coil/runtime/cancel.hpp>
#include <coil/runtime/internal/frame_pool.hpp>
#include <coil/runtime/internal/lineage.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/internal/stretch.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace coil {

template <class T>
class task;

namespace internal {

/// What the promises of all coil coroutines have: pooled frames and the stop token that they hand to what they await.
class promise_base {
public:
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

    coil::stop_token stop_token() const noexcept { return stop_token_; }
    void set_stop_token(coil::stop_token token) noexcept { stop_token_ = token; }

    const coroutine_origin& origin() const noexcept { return origin_; }
    void set_origin(const std::source_location& where) noexcept { origin_.set(where); }

    coroutine_lineage& lineage() noexcept { return lineage_; }

private:
    coil::stop_token stop_token_;
    [[no_unique_address]] coroutine_origin origin_;
    [[no_unique_address]] coroutine_lineage lineage_;
};

/// Owns the frame of a coroutine.
template <class Promise>
class frame_owner {
public:
    explicit frame_owner(std::coroutine_handle<Promise> frame) noexcept : frame_(frame) {}
    frame_owner(frame_owner&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    frame_owner& operator=(frame_owner other) noexcept
    {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~frame_owner()
    {
        if (frame_)
            frame_.destroy();
    }

    std::coroutine_handle<Promise> get() const noexcept { return frame_; }

private:
    std::coroutine_handle<Promise> frame_;
};

/// The coroutine begins to await something.
template <class Promise>
void note_await([[maybe_unused]] std::coroutine_handle<Promise> awaiting) noexcept
{
    if constexpr (std::derived_from<Promise, promise_base>) {
        note_end_of_stretch(awaiting.promise().origin());
        resumed_coroutine::note(&awaiting.promise().lineage(), awaiting.address());
    } else {
        resumed_coroutine::note(nullptr, awaiting.address());
    }
}

/// What `awaiting` awaits runs next. It ends before `awaiting` goes on.
template <class Promise>
void note_child(promise_base& child, [[maybe_unused]] std::coroutine_handle<Promise> awaiting) noexcept
{
    if constexpr (checks_misuse && std::derived_from<Promise, promise_base>)
        child.lineage().set_parent(awaiting.promise().lineage());
}

/// The stop token of the coroutine that begins to await; none for coroutines that carry none.
template <class Promise>
stop_token stop_token_of(std::coroutine_handle<Promise> awaiting) noexcept
{
    note_await(awaiting);
    if constexpr (requires {
                      { awaiting.promise().stop_token() } -> std::same_as<stop_token>;
                  })
        return awaiting.promise().stop_token();
    else
        return {};
}

class task_promise_base : public promise_base {
public:
    std::suspend_always initial_suspend() const noexcept { return {}; }

    /// A task that ends while its starter is still on the stack only marks itself done, and the starter goes on without
    /// having been suspended. So the depth of the stack follows the nesting of the tasks, in every build: a compiler
    /// need not turn the transfer between coroutines into a jump, and some do not without optimisation.
    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept
        {
            task_promise_base& promise = self.promise();
            promise.done_ = true;
            note_end_of_stretch(promise.origin());
            if (promise.starting_ || !promise.continuation_)
                return std::noop_coroutine();
            coroutine_lineage::set_running(promise.lineage().parent());
            return promise.continuation_;
        }
        void await_resume() const noexcept {}
    };
    final_awaiter final_suspend() const noexcept { return {}; }

    bool was_started() const noexcept { return done_ || continuation_; }

    /// Runs the task until it ends or waits. @return whether it ended.
    bool start(std::coroutine_handle<> self, std::coroutine_handle<> continuation) noexcept
    {
        continuation_ = continuation;
        starting_ = true;
        const coroutine_lineage* const starter = coroutine_lineage::running();
        coroutine_lineage::set_running(&lineage());
        self.resume();
        starting_ = false;
        coroutine_lineage::set_running(done_ ? starter : nullptr);
        return done_;
    }

private:
    std::coroutine_handle<> continuation_;
    bool starting_ = false;
    bool done_ = false;
};

template <class T>
class task_promise final : public task_promise_base {
public:
    task<T> get_return_object(std::source_location where = std::source_location::current()) noexcept;

    template <class U = T>
        requires std::convertible_to<U&&, T>
    void return_value(U&& value)
    {
        value_.emplace(std::forward<U>(value));
    }
    /// Here so that the compiler says what to do.
    template <class U>
        requires(!std::convertible_to<U &&, T>)
    void return_value(U&&)
    {
        static_assert(
            std::convertible_to<U&&, T>,
            "co_return: this is not what the task gives. Where it is a `result` of another type that has failed, "
            "pass its error on: `co_return r.error();`");
    }
    void unhandled_exception() noexcept { exception_ = std::current_exception(); }

    T take()
    {
        if (exception_)
            std::rethrow_exception(std::exchange(exception_, nullptr));
        return std::move(*value_);
    }

private:
    std::optional<T> value_;
    std::exception_ptr exception_;
};

template <>
class task_promise<void> final : public task_promise_base {
public:
    task<void> get_return_object(std::source_location where = std::source_location::current()) noexcept;

    void return_void() const noexcept {}
    void unhandled_exception() noexcept { exception_ = std::current_exception(); }

    void take()
    {
        if (exception_)
            std::rethrow_exception(std::exchange(exception_, nullptr));
    }

private:
    std::exception_ptr exception_;
};

}  // namespace internal

/// A coroutine that starts when it is awaited and gives its value, or throws its exception, to the one who awaits.
///
/// Awaiting runs it at once, on the same stack, until it first has to wait. It inherits the stop token of the awaiting
/// coroutine. Destroying a task that waits destroys its frame and with it everything it waits for; nothing is leaked.
/// Overlap: awaited once, by one coroutine.
template <class T = void>
class [[nodiscard]] task {
public:
    using promise_type = internal::task_promise<T>;
    using value_type = T;

    class awaiter {
    public:
        explicit awaiter(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

        bool await_ready() const noexcept { return false; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> awaiting) noexcept
        {
            if constexpr (internal::checks_misuse)
                check();
            frame_.promise().set_stop_token(internal::stop_token_of(awaiting));
            internal::note_child(frame_.promise(), awaiting);
            return !frame_.promise().start(frame_, awaiting);
        }
        T await_resume() { return frame_.promise().take(); }

    private:
        void check() const noexcept
        {
            if (!frame_)
                internal::stop_program("a task that was moved from is awaited");
            if (frame_.promise().was_started())
                internal::stop_program("a task is awaited twice: " + frame_.promise().origin().describe());
        }

        std::coroutine_handle<promise_type> frame_;
    };

    awaiter operator co_await() const noexcept { return awaiter(frame_.get()); }

private:
    friend promise_type;
    explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    internal::frame_owner<promise_type> frame_;
};

namespace internal {

template <class T>
task<T> task_promise<T>::get_return_object(std::source_location where) noexcept
{
    set_origin(where);
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}

inline task<void> task_promise<void>::get_return_object(std::source_location where) noexcept
{
    set_origin(where);
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

/// The awaiter of anything that can be awaited.
template <class A>
decltype(auto) awaiter_of(A&& awaitable)
{
    if constexpr (requires { std::forward<A>(awaitable).operator co_await(); })
        return std::forward<A>(awaitable).operator co_await();
    else
        return std::forward<A>(awaitable);
}

}  // namespace internal

/// What `co_await` gives for an `A`.
template <class A>
using await_result = decltype(internal::awaiter_of(std::declval<A>()).await_resume());

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

/// Facts about the coroutine that asks.
namespace this_task {

/// `co_await this_task::stop_token()` gives the token that this coroutine hands to what it awaits. Never suspends.
class [[nodiscard]] stop_token {
public:
    stop_token() noexcept {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting) noexcept
    {
        token_ = internal::stop_token_of(awaiting);
        return false;
    }
    coil::stop_token await_resume() const noexcept { return token_; }

private:
    coil::stop_token token_;
};

}  // namespace this_task

}  // namespace coil
