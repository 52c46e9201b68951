#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/bottom_coroutine.hpp>
#include <coil/runtime/internal/list.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/runtime/task.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

namespace coil {

class scope;

namespace internal {

/// A coroutine that runs in a scope and leaves it when it ends: usually the one around a spawned task, which it owns.
class spawned {
public:
    struct promise_type final : bottom_promise<promise_type>, ready_item, list_hook<promise_type> {
        spawned get_return_object(std::source_location where = std::source_location::current()) noexcept
        {
            set_origin(where);
            return spawned(*this);
        }
        void left() noexcept;
        void unhandled_exception() noexcept;
        void run() noexcept override
        {
            coroutine_lineage::set_running(&lineage());
            frame().resume();
            coroutine_lineage::set_running(nullptr);
        }

        scope* home = nullptr;
    };

    promise_type& promise() const noexcept { return *promise_; }

private:
    explicit spawned(promise_type& promise) noexcept : promise_(&promise) {}

    promise_type* promise_;
};

/// A parameter and not a capture holds the callable: the captures of a lambda do not live in its coroutine.
template <class Callable>
spawned run_spawned(Callable callable)
{
    co_await callable();
}

inline spawned run_spawned_task(task<> main)
{
    co_await main;
}

class join_wait final : public stoppable_wait {
public:
    explicit join_wait(scope* of) noexcept : of_(of) {}
    ~join_wait() override;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        return begin(awaiting, stop_token_of(awaiting));
    }
    void await_resume();

private:
    friend class coil::scope;

    bool begin(std::coroutine_handle<> awaiting, stop_token token);
    void stopped() noexcept override;
    void lose_scope() noexcept;

    scope* of_;
};

}  // namespace internal

/// A set of tasks that run side by side and do not outlive it.
///
/// The first one that fails with an exception stops the others, and `join` throws that exception. Leave a scope by
/// awaiting `join()`; destroying it before destroys the frames of the tasks that still run, wherever they wait, and ends
/// the wait of who joins it.
/// ```
/// coil::scope scope;
/// scope.spawn([address] { return serve(address); });
/// co_await scope.join();
/// ```
/// The exception of a scope that was destroyed before `join` could throw it is told like one of a detached coroutine: to the
/// loop's `on_uncaught`, or in a line on stderr.
/// Mistake: a task of the scope must not destroy the scope; builds with assertions stop the program.
class scope {
public:
    scope() noexcept = default;
    /// A scope that is also stopped when `parent` is.
    explicit scope(coil::stop_token parent) noexcept : stop_(parent) {}
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope();

    /// Starts `callable()`, a coroutine, in the loop's next pass. The scope owns the callable until the coroutine ends.
    template <class Callable>
        requires std::same_as<std::invoke_result_t<Callable&>, task<>>
    void spawn(Callable callable)
    {
        adopt(internal::run_spawned(std::move(callable)));
    }
    /// Starts `main` in the loop's next pass.
    void spawn(task<> main) { adopt(internal::run_spawned_task(std::move(main))); }
    /// For coil's own: a coroutine that needs no other around it.
    void spawn(internal::spawned child) { adopt(child); }

    /// Requests the stop of all tasks, also of those spawned later.
    void request_stop() noexcept { stop_.request_stop(); }
    coil::stop_token stop_token() noexcept { return stop_.token(); }

    /// How many tasks have not ended.
    std::size_t size() const noexcept { return size_; }
    /// For coil's own: whether one of the tasks is running now, and so could destroy itself. Known in builds with assertions.
    bool runs_now() noexcept;

    /// Waits until all tasks have ended. Where the awaiting coroutine is stopped, so are the tasks; it waits all the same.
    /// Throws: the exception of the first task that failed. Overlap: one at a time.
    internal::awaitable<internal::join_wait, scope*> join() noexcept
    {
        return internal::awaitable<internal::join_wait, scope*>(this);
    }

private:
    friend class internal::join_wait;
    friend struct internal::spawned::promise_type;

    void adopt(internal::spawned child);
    void left() noexcept;
    void failed(std::exception_ptr failure) noexcept;

    stop_source stop_;
    internal::list<internal::spawned::promise_type> children_;
    std::size_t size_ = 0;
    std::exception_ptr failure_;
    internal::join_wait* joining_ = nullptr;
};

}  // namespace coil
