#include <coil/tls/internal/step_stack.hpp>

#include <coil/runtime/internal/misuse.hpp>

#include <openssl/err.h>

#include <utility>
#include <vector>

namespace coil::tls::internal {
namespace {

thread_local constinit engine_state* owner_at_work = nullptr;

/// The errors in OpenSSL's queue of this thread, which is empty then.
std::vector<unsigned long> take_errors() noexcept
{
    std::vector<unsigned long> taken;
    while (const unsigned long packed = ERR_get_error())
        taken.push_back(packed);
    return taken;
}

void put_back(const std::vector<unsigned long>& errors) noexcept
{
    ERR_clear_error();
    for (const unsigned long packed : errors)
        ERR_raise(ERR_GET_LIB(packed), ERR_GET_REASON(packed));
}

}  // namespace

step_stack::~step_stack()
{
    if (stack_)
        coil::internal::stop_program("a TLS engine is destroyed within its own step");
}

bool step_stack::run(step what)
{
    coil::internal::fiber_stack_pool& here = coil::internal::fiber_stack_pool::of_thread();
    if (!stack_) {
        home_ = &here;
        stack_.emplace(here.take());
        what_ = what;
        ended_ = false;
        coil::internal::prepare_fiber(here_, stack_->memory(), &step_stack::enter, this);
    }
    if (home_ != &here)
        coil::internal::stop_program("a TLS engine goes on on another thread than the one on which it asked");
    running_ = true;
    engine_state* const around = std::exchange(owner_at_work, &owner_);  // a handler may run another engine's step
    coil::internal::switch_fiber(thread_, here_);
    owner_at_work = around;
    running_ = false;
    if (!ended_)
        return false;
    coil::internal::discard_fiber(here_);
    here.put(std::move(*stack_));
    stack_.reset();
    return true;
}

engine_state* step_stack::at_work() noexcept
{
    return owner_at_work;
}

coil::internal::fiber_side& step_stack::enter(void* self) noexcept
{
    step_stack& stack = *static_cast<step_stack*>(self);
    stack.outcome_ = stack.what_(stack.owner_);
    stack.ended_ = true;
    return stack.thread_;
}

void step_stack::wait() noexcept
{
    const std::vector<unsigned long> errors = take_errors();
    coil::internal::switch_fiber(here_, thread_);
    put_back(errors);
}

}  // namespace coil::tls::internal
