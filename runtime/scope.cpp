#include <coil/runtime/scope.hpp>

#include <coil/runtime/loop.hpp>

#include <algorithm>
#include <utility>

namespace coil {

scope::~scope()
{
    if (runs_now())
        internal::stop_program("a scope is destroyed by a task of its own");
    while (!children_.empty())
        children_.pop_front().frame().destroy();
    if (joining_)
        std::exchange(joining_, nullptr)->lose_scope();
    if (loop* const here = loop::current_or_null(); here && failure_)
        here->tell_uncaught(std::exchange(failure_, nullptr), "a task of a scope that was not joined");
}

bool scope::runs_now() noexcept
{
    const internal::coroutine_lineage* outermost = internal::coroutine_lineage::running();
    while (outermost && outermost->parent())
        outermost = outermost->parent();
    return outermost && std::any_of(children_.begin(), children_.end(), [&](internal::spawned::promise_type& child) {
               return &child.lineage() == outermost;
           });
}

void scope::adopt(internal::spawned child)
{
    internal::spawned::promise_type& promise = child.promise();
    promise.home = this;
    promise.set_stop_token(stop_.token());
    children_.push_back(promise);
    ++size_;
    loop::current().enqueue(promise);
}

void scope::left() noexcept
{
    if (--size_ == 0 && joining_)
        std::exchange(joining_, nullptr)->resume_later();
}

void scope::failed(std::exception_ptr failure) noexcept
{
    if (!failure_)
        failure_ = std::move(failure);
    request_stop();
}

namespace internal {

void spawned::promise_type::left() noexcept
{
    scope& left_scope = *home;
    frame().destroy();
    left_scope.left();
}

void spawned::promise_type::unhandled_exception() noexcept
{
    home->failed(std::current_exception());
}

join_wait::~join_wait()
{
    if (of_ && of_->joining_ == this)
        of_->joining_ = nullptr;
}

bool join_wait::begin(std::coroutine_handle<> awaiting, stop_token token)
{
    if (token.stop_requested())
        of_->request_stop();
    if (of_->size() == 0)
        return false;
    if (of_->joining_)
        stop_program("a scope is joined by two coroutines at once");
    of_->joining_ = this;
    wait_with(awaiting, token);
    return true;
}

void join_wait::stopped() noexcept
{
    of_->request_stop();
}

void join_wait::lose_scope() noexcept
{
    of_ = nullptr;
    resume_later();
}

void join_wait::await_resume()
{
    if (of_ && of_->failure_)
        std::rethrow_exception(std::exchange(of_->failure_, nullptr));
}

}  // namespace internal
}  // namespace coil
