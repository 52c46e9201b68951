#pragma once

#include <coil/runtime/internal/round_trip.hpp>
#include <coil/runtime/result.hpp>

#include <system_error>
#include <type_traits>
#include <utility>

namespace coil {

namespace internal {

/// Makes the call on one of the threads for blocking calls; in place where the loop's ring has no threads.
/// @return why it is not made: there is no such thread, and the system starts none.
[[nodiscard]] std::error_code make_on_worker(round_trip& call);

template <class Callable>
class offloaded_call final : public valued_trip<call_outcome<std::invoke_result_t<Callable&>>> {
public:
    explicit offloaded_call(Callable&& callable) : callable_(std::move(callable)) {}

    void make() noexcept override
    {
        if (this->begin())
            this->keep_outcome_of(callable_);
        this->go_home();
    }

private:
    Callable callable_;
};

template <class Callable>
class offload_wait final : public round_trip_wait {
public:
    using outcome_type = call_outcome<std::invoke_result_t<Callable&>>;

    explicit offload_wait(offloaded_call<Callable>* call) noexcept : round_trip_wait(*call, true), call_(*call) {}

    outcome_type await_resume()
    {
        if (refused_)
            return refused_;
        if (outcome() != errc{})
            return outcome();
        return call_.take();
    }

private:
    bool start() override
    {
        set_out();
        refused_ = make_on_worker(call_);
        return !refused_ || turn_back(errc{});
    }

    offloaded_call<Callable>& call_;
    std::error_code refused_;
};

/// What `offload` returns. It can be awaited once.
template <class Callable>
class [[nodiscard]] offloading {
public:
    explicit offloading(Callable&& callable) : callable_(std::move(callable)) {}

    offload_wait<Callable> operator co_await() & { return wait(); }
    offload_wait<Callable> operator co_await() &&
        requires(!must_be_named<Callable>)
    {
        return wait();
    }

private:
    offload_wait<Callable> wait()
    {
        return offload_wait<Callable>(new offloaded_call<Callable>(std::move(callable_)));
    }

    Callable callable_;
};

}  // namespace internal

/// Sets how many threads `offload` uses at most, for the whole process; 4 before it is called. Threads are started when they
/// are needed, and those that run already go on.
/// @param most  at least 1; 0 is a mistake and throws `std::invalid_argument`.
/// Node: UV_THREADPOOL_SIZE.
void set_offload_threads(unsigned most);

/// Runs `callable()`, which may block, on a thread of a small pool and gives what it returns.
///
/// A stop request ends the wait at once. A call that was not begun is then not made; one that was goes on and its value is
/// dropped, so it must not refer to anything of the awaiting coroutine.
/// On g++ 12 a callable that owns something has to be named before: `auto hashing = offload([text] {…}); co_await hashing;`
/// @return the value; a `result` is passed on as it is.
/// Errors: `errc::canceled`; the system's, EAGAIN, where it starts no thread and there is none yet.
/// Throws: what `callable` throws.
template <class Callable>
internal::offloading<Callable> offload(Callable callable)
{
    return internal::offloading<Callable>(std::move(callable));
}

}  // namespace coil
