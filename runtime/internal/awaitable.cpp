#include <coil/runtime/internal/awaitable.hpp>

#include <coil/runtime/loop.hpp>

#include <cerrno>

namespace coil::internal {

void stoppable_wait::resume_later() noexcept
{
    if constexpr (checks_misuse) {
        if (!thread_.is_here())
            stop_program("what is awaited on another thread is changed on this one; loop::post is for that");
    }
    stop_.unlink();
    loop::current().enqueue(*this);
}

bool operation_wait::begin(std::coroutine_handle<> awaiting, stop_token token)
{
    if (token.stop_requested()) {
        outcome_ = -ECANCELED;
        return false;
    }
    operation_.start(wanted_, *this, std::move(memory_));
    wait_with(awaiting, token);
    return true;
}

void operation_wait::complete(const completion& what, operation_memory*) noexcept
{
    outcome_ = what.result;
    resume_later();
}

}  // namespace coil::internal
