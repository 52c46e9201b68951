#pragma once

#include <coil/runtime/task.hpp>

#include <coroutine>
#include <deque>
#include <utility>

namespace by_hand {

/// Coroutines that wait to be resumed by hand: these cases need no loop.
inline std::deque<std::coroutine_handle<>> waiting;

/// Suspends until `resume_all` comes round.
class suspension {
public:
    suspension() noexcept {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) const { waiting.push_back(awaiting); }
    void await_resume() const noexcept {}
};

inline void resume_all()
{
    while (!waiting.empty()) {
        const std::coroutine_handle<> next = waiting.front();
        waiting.pop_front();
        next.resume();
    }
}

/// Runs a task to its end. @return whether it came there; it is destroyed in any case.
template <class T>
bool runs_to_its_end(coil::task<T> main)
{
    struct root {
        struct promise_type {
            root get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
            std::suspend_never initial_suspend() const noexcept { return {}; }
            std::suspend_always final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            void unhandled_exception() const { throw; }
        };
        std::coroutine_handle<promise_type> frame;
    };
    constexpr auto await = [](coil::task<T>& task) -> root { co_await task; };
    const root started = await(main);
    resume_all();
    const bool ended = started.frame.done();
    started.frame.destroy();
    return ended;
}

/// Counts how many of it are alive; negative when one was destroyed twice. It owns nothing, so that this is harmless.
class counted {
public:
    counted() noexcept { ++alive; }
    explicit counted(int number) noexcept : number_(number) { ++alive; }
    counted(const counted& other) noexcept : number_(other.number_) { ++alive; }
    counted& operator=(const counted&) noexcept = default;
    ~counted() { --alive; }

    int number() const noexcept { return number_; }

    static inline int alive = 0;

private:
    int number_ = 0;
};

/// Begins each case at zero and is asked at its end.
struct balance {
    balance() noexcept { counted::alive = 0; }
};

/// An aggregate, as option structs are.
struct options {
    int number = 0;
    counted first = counted();
    counted second = counted();
};

inline coil::task<int> number_of(options given)
{
    co_await suspension();
    co_return given.number + given.first.number();
}

inline coil::task<int> number_after_a_while(int number)
{
    co_await suspension();
    co_return number;
}

inline coil::task<int> number_at_once(int number)
{
    co_return number;
}

template <class Callable>
coil::task<int> call_after_a_while(Callable callable)
{
    co_await suspension();
    co_return callable();
}

}  // namespace by_hand
