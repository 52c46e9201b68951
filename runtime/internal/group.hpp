#pragma once

#include <coil/runtime/cancel.hpp>
#include <coil/runtime/internal/bottom_coroutine.hpp>
#include <coil/runtime/task.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

namespace coil::internal {

/// What awaiting an `A` gives, as something that can be kept.
template <class A>
using await_value =
    std::conditional_t<std::is_void_v<await_result<A&>>, std::monostate, std::remove_cvref_t<await_result<A&>>>;

/// Several awaitables that one coroutine awaits side by side.
class group {
public:
    enum class policy {
        all,    ///< The first failure stops the others.
        first,  ///< The first that ends stops the others.
    };
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    group(policy which, stop_token outer) noexcept : policy_(which), stop_(outer) {}

    stop_token token() noexcept { return stop_.token(); }
    /// The index of the one that decided: the first failure, or the first to end.
    std::size_t decided() const noexcept { return decided_; }
    /// Throws the exception of the one that decided.
    void rethrow() const
    {
        if (exception_)
            std::rethrow_exception(exception_);
    }

private:
    friend class member;
    friend class group_wait;

    void decide(std::size_t index, std::exception_ptr exception) noexcept
    {
        if (decided_ != none)
            return;
        decided_ = index;
        exception_ = std::move(exception);
        stop_.request_stop();
    }

    policy policy_;
    stop_source stop_;
    std::size_t decided_ = none;
    std::exception_ptr exception_;
    std::size_t running_ = 0;
    std::coroutine_handle<> awaiting_;
};

/// The coroutine that awaits one of the group.
class member {
public:
    struct promise_type final : bottom_promise<promise_type> {
        member get_return_object() noexcept { return member(frame()); }

        /// The last one to end resumes the coroutine that awaits the group, unless that is still starting it.
        std::coroutine_handle<> left() const noexcept
        {
            if (--home->running_ == 0 && home->awaiting_)
                return home->awaiting_;
            return std::noop_coroutine();
        }
        void return_void() const noexcept
        {
            if (home->policy_ == group::policy::first)
                home->decide(index, nullptr);
        }
        void unhandled_exception() const noexcept { home->decide(index, std::current_exception()); }

        group* home = nullptr;
        std::size_t index = 0;
    };

    void start(group& home, std::size_t index) noexcept
    {
        promise_type& promise = frame_.get().promise();
        promise.home = &home;
        promise.index = index;
        promise.set_stop_token(home.token());
        ++home.running_;
        frame_.get().resume();
    }

private:
    explicit member(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    frame_owner<promise_type> frame_;
};

template <class A>
member run_member(A& awaitable, std::optional<await_value<A>>& value)
{
    if constexpr (std::is_void_v<await_result<A&>>) {
        co_await awaitable;
        value.emplace();
    } else {
        await_result<A&>&& got = co_await awaitable;
        value.emplace(std::forward<await_result<A&>>(got));
    }
}

/// Starts the members in their order and waits until all have ended. Those that come after a decision are not started.
class group_wait {
public:
    group_wait(group& home, std::span<member> members) noexcept : home_(home), members_(members) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting) noexcept
    {
        note_await(awaiting);
        for (std::size_t index = 0; index < members_.size() && home_.decided() == group::none; ++index)
            members_[index].start(home_, index);
        home_.awaiting_ = awaiting;
        return home_.running_ > 0;
    }
    void await_resume() const noexcept {}

private:
    group& home_;
    std::span<member> members_;
};

}  // namespace coil::internal
