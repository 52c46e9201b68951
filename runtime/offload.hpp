#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/mailbox.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/result.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace coil {

namespace internal {

/// Runs `work` on one of the threads kept for blocking calls; at most four, started when needed.
void run_on_worker(std::function<void()> work);

/// What the waiting side and the working thread share. Either may be gone before the other.
template <class Callable>
struct offloaded {
    using value_type = std::invoke_result_t<Callable&>;
    using kept_type = std::conditional_t<std::is_void_v<value_type>, std::monostate, value_type>;

    explicit offloaded(Callable what) : callable(std::move(what)) {}

    void run()
    {
        if constexpr (std::is_void_v<value_type>) {
            callable();
            value.emplace();
        } else {
            value.emplace(callable());
        }
    }

    Callable callable;
    std::optional<kept_type> value;
    std::exception_ptr exception;
    stoppable_wait* waiting = nullptr;  // touched only on the loop's thread
    void (*finish)(stoppable_wait&) = nullptr;
};

template <class Callable>
class offload_wait final : public stoppable_wait {
public:
    using value_type = std::invoke_result_t<Callable&>;
    using outcome_type = std::conditional_t<is_result<value_type>, value_type, result<value_type>>;

    explicit offload_wait(std::shared_ptr<offloaded<Callable>> shared) noexcept : shared_(std::move(shared)) {}
    ~offload_wait() override
    {
        if (shared_)
            shared_->waiting = nullptr;
    }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        const stop_token token = stop_token_of(awaiting);
        if (token.stop_requested())
            return false;
        shared_->waiting = this;
        shared_->finish = [](stoppable_wait& wait) { static_cast<offload_wait&>(wait).resume_later(); };
        run_on_worker([shared = shared_, mailbox = loop::current().mailbox()] {
            try {
                shared->run();
            } catch (...) {
                shared->exception = std::current_exception();
            }
            mailbox->post([shared] {
                if (shared->waiting)
                    shared->finish(*std::exchange(shared->waiting, nullptr));
            });
        });
        wait_with(awaiting, token);
        return true;
    }

    outcome_type await_resume()
    {
        if (!finished_)
            return errc::canceled;
        if (shared_->exception)
            std::rethrow_exception(shared_->exception);
        if constexpr (std::is_void_v<value_type>)
            return {};
        else
            return std::move(*shared_->value);
    }

private:
    void resume_later() noexcept
    {
        finished_ = true;
        stoppable_wait::resume_later();
    }
    void stopped() noexcept override
    {
        shared_->waiting = nullptr;
        stoppable_wait::resume_later();
    }

    std::shared_ptr<offloaded<Callable>> shared_;
    bool finished_ = false;
};

}  // namespace internal

/// Runs `callable()`, which may block, on a thread of a small pool and gives what it returns.
///
/// A stop request ends the wait at once; the call itself goes on and its value is dropped, so it must not refer to
/// anything of the awaiting coroutine.
/// @return the value; a `result` is passed on as it is.
/// Errors: `errc::canceled`.   Throws: what `callable` throws.
template <class Callable>
auto offload(Callable callable)
{
    using shared = internal::offloaded<Callable>;
    return internal::awaitable<internal::offload_wait<Callable>, std::shared_ptr<shared>>(
        std::make_shared<shared>(std::move(callable)));
}

}  // namespace coil
