#pragma once

#include <coil/runtime/task.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <utility>

namespace coil {

template <class T>
class generator;

namespace internal {

template <class T>
class generator_promise final : public promise_base {
public:
    generator<T> get_return_object(std::source_location where = std::source_location::current()) noexcept;
    std::suspend_always initial_suspend() const noexcept { return {}; }

    /// Goes back to the one who awaits the next value. Where that one is still on the stack, because it started the
    /// coroutine just now, it goes on by itself; where it is gone, the value waits.
    struct hand_over {
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<generator_promise> self) const noexcept
        {
            generator_promise& promise = self.promise();
            promise.running_ = false;
            const std::coroutine_handle<> awaiting = std::exchange(promise.awaiting_, nullptr);
            if (promise.starting_ || !awaiting)
                return std::noop_coroutine();
            return awaiting;
        }
        void await_resume() const noexcept {}
    };
    hand_over yield_value(T value)
    {
        value_.emplace(std::move(value));
        note_end_of_stretch(origin());
        return {};
    }
    hand_over final_suspend() noexcept
    {
        ended_ = true;
        note_end_of_stretch(origin());
        return {};
    }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { exception_ = std::current_exception(); }

    /// Lets the coroutine go on to its next value. @return whether that takes a wait.
    bool next(std::coroutine_handle<> self, std::coroutine_handle<> awaiting, coil::stop_token token) noexcept
    {
        if (value_ || ended_)
            return false;
        set_stop_token(token);
        awaiting_ = awaiting;
        if (running_)
            return true;  // the one who waited for it before is gone
        running_ = true;
        starting_ = true;
        self.resume();
        starting_ = false;
        return running_;
    }
    /// The one who waits is gone.
    void forget(std::coroutine_handle<> awaiting) noexcept
    {
        if (awaiting_ == awaiting)
            awaiting_ = nullptr;
    }

    std::optional<T> take()
    {
        if (exception_)
            std::rethrow_exception(std::exchange(exception_, nullptr));
        return std::exchange(value_, std::nullopt);
    }

private:
    std::optional<T> value_;
    std::exception_ptr exception_;
    std::coroutine_handle<> awaiting_;
    bool running_ = false;
    bool starting_ = false;
    bool ended_ = false;
};

}  // namespace internal

/// A coroutine that gives one value after the other, and may wait in between.
///
/// ```
/// coil::generator<std::string> lines(coil::net::socket& from);   // co_yield line;
/// auto all = lines(socket);
/// while (auto line = co_await all.next())
///     print(*line);
/// ```
/// Each `next` runs it up to its next `co_yield`, with the stop token of the coroutine that awaits. Destroying a generator
/// destroys its frame, wherever it waits.
/// Node: async generator.
template <class T>
class [[nodiscard]] generator {
public:
    using promise_type = internal::generator_promise<T>;
    using value_type = T;

    class next_wait {
    public:
        explicit next_wait(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
        next_wait(const next_wait&) = delete;
        next_wait& operator=(const next_wait&) = delete;
        ~next_wait()
        {
            if (waiting_)
                frame_.promise().forget(awaiting_);
        }

        bool await_ready() const noexcept { return false; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> awaiting) noexcept
        {
            awaiting_ = awaiting;
            waiting_ = frame_.promise().next(frame_, awaiting, internal::stop_token_of(awaiting));
            return waiting_;
        }
        std::optional<T> await_resume()
        {
            waiting_ = false;
            return frame_.promise().take();
        }

    private:
        std::coroutine_handle<promise_type> frame_;
        std::coroutine_handle<> awaiting_;
        bool waiting_ = false;
    };

    /// What `next` returns.
    class [[nodiscard]] next_awaitable {
    public:
        explicit next_awaitable(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
        next_wait operator co_await() const noexcept { return next_wait(frame_); }

    private:
        std::coroutine_handle<promise_type> frame_;
    };

    /// Waits for the next value. @return nothing when the coroutine has ended.
    /// Throws: what left the coroutine, once; after that it has ended.   Overlap: one at a time.
    next_awaitable next() & noexcept { return next_awaitable(frame_.get()); }

private:
    friend promise_type;
    explicit generator(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    internal::frame_owner<promise_type> frame_;
};

namespace internal {

template <class T>
generator<T> generator_promise<T>::get_return_object(std::source_location where) noexcept
{
    set_origin(where);
    return generator<T>(std::coroutine_handle<generator_promise>::from_promise(*this));
}

}  // namespace internal
}  // namespace coil
