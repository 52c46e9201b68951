#include <coil/runtime/detach.hpp>

#include <coil/runtime/internal/background.hpp>
#include <coil/runtime/internal/frame_pool.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/runtime/loop.hpp>

#include <coroutine>
#include <exception>

namespace coil::internal {

/// What the loop holds of a detached coroutine.
class detached_owner final : public background, public ready_item, public pooled {
public:
    explicit detached_owner(std::coroutine_handle<> frame) noexcept : frame_(frame) {}
    ~detached_owner() override { frame_.destroy(); }

    bool busy() const noexcept override { return false; }
    void run() noexcept override { frame_.resume(); }

private:
    std::coroutine_handle<> frame_;
};

namespace {

detached_owner& give_to_loop(detached::promise_type& promise)
{
    auto* const owner = new detached_owner(promise.frame());
    promise.owner = owner;
    loop::current().keep(*owner);
    return *owner;
}

}  // namespace

void detached::start_later() const
{
    loop::current().enqueue(give_to_loop(*promise_));
}

void detached::start_now() const
{
    give_to_loop(*promise_).run();
}

void detached::promise_type::left() const noexcept
{
    delete owner;
}

void detached::promise_type::unhandled_exception() const noexcept
{
    loop::current().uncaught(std::current_exception(), "a detached coroutine");
}

}  // namespace coil::internal
