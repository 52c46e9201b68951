#include <coil/runtime/fiber.hpp>

#include <coil/runtime/internal/stack_trimming.hpp>
#include <coil/runtime/loop.hpp>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace coil {
namespace internal {
namespace {

[[noreturn]] void stop_program(const char* message) noexcept
{
    std::fprintf(stderr, "coil: %s\n", message);
    std::abort();
}

}  // namespace

/// The suspended fibers of a loop. The loop owns it and destroys it before anything else of its own.
class suspended_fibers final : public background {
public:
    explicit suspended_fibers(fiber_thread& home) noexcept : home_(home) {}
    ~suspended_fibers() override;

    bool busy() const noexcept override { return false; }

    list<fiber_call> calls;

private:
    fiber_thread& home_;
};

/// What a thread has for its fibers.
struct fiber_thread {
    fiber_stack_pool& stacks = fiber_stack_pool::of_thread();
    fiber_call* current = nullptr;
    suspended_fibers* suspended = nullptr;  // null before the first fiber of the loop
    std::uint64_t calls = 0;

    static fiber_thread& here() noexcept
    {
        thread_local fiber_thread thread;
        return thread;
    }

    /// So that the end of the loop finds the fibers that wait. A thread without a loop has nothing to wait for.
    void follow_loop()
    {
        if (suspended || !loop::current_or_null())
            return;
        suspended = new suspended_fibers(*this);
        loop::current().keep(*suspended);
    }
};

suspended_fibers::~suspended_fibers()
{
    while (!calls.empty())
        calls.pop_front().finish();
    home_.suspended = nullptr;
}

void fiber_driver::promise_type::left() noexcept
{
    fiber_wait& awaited = *wait;
    frame().destroy();
    awaited.end();
}

void fiber_driver::promise_type::unhandled_exception() const noexcept
{
    wait->fail(std::current_exception());
}

bool fiber_wait::start(fiber_call& call, stop_token token) noexcept
{
    call_ = &call;
    try {
        driver_ = make_driver();
    } catch (...) {
        fail(std::current_exception());
        return true;
    }
    driver_.frame_.promise().wait = this;
    driver_.frame_.promise().set_stop_token(token);
    starting_ = true;
    driver_.frame_.resume();
    starting_ = false;
    return ended_;
}

void fiber_wait::drop() noexcept
{
    driver_.frame_.destroy();
}

void fiber_wait::end() noexcept
{
    ended_ = true;
    if (!starting_)
        call_->resume();
}

fiber_call* fiber_call::current() noexcept
{
    return fiber_thread::here().current;
}

bool fiber_call::begin(std::coroutine_handle<> awaiting, stop_token token)
{
    thread_ = &fiber_thread::here();
    thread_->follow_loop();
    stack_.emplace(thread_->stacks.take());
    awaiting_ = awaiting;
    token_ = token;
    ++thread_->calls;
    prepare_fiber(fiber_, stack_->memory(), &fiber_call::enter, this);
    return !run();
}

fiber_side& fiber_call::enter(void* self) noexcept
{
    fiber_call& call = *static_cast<fiber_call*>(self);
    call.invoke();
    call.ended_ = true;
    return call.resumer_;
}

/// @return whether the function has ended.
bool fiber_call::run() noexcept
{
    if (thread_ != &fiber_thread::here())
        stop_program("a fiber was resumed on another thread");
    for (;;) {
        switch_in();
        if (ended_) {
            discard_fiber(fiber_);
            thread_->stacks.put(std::move(*stack_));
            stack_.reset();
            trim_stacks_later();
            return true;
        }
        if (!waiting_->start(*this, token_))
            break;
    }
    if (thread_->suspended)
        thread_->suspended->calls.push_back(*this);
    return false;
}

void fiber_call::switch_in() noexcept
{
    fiber_call* const outer = std::exchange(thread_->current, this);
    running_ = true;
    switch_fiber(resumer_, fiber_);
    running_ = false;
    thread_->current = outer;
}

bool fiber_call::suspend(fiber_wait& wait) noexcept
{
    if (stopping_)
        return false;
    waiting_ = &wait;
    switch_fiber(fiber_, resumer_);
    waiting_ = nullptr;
    return !stopping_;
}

void fiber_call::resume() noexcept
{
    unlink();
    if (run())
        awaiting_.resume();
}

void fiber_call::finish() noexcept
{
    if (!stack_)
        return;
    if (running_ || waiting_->starting())
        stop_program("what runs in a fiber destroyed the coroutine that awaits the fiber");
    unlink();
    stopping_ = true;
    waiting_->drop();
    run();
}

void fiber_call::measure() const noexcept
{
    thread_->stacks.measure(*stack_);
}

bool wait_in_fiber(fiber_wait& wait) noexcept
{
    fiber_call* const here = fiber_call::current();
    if (!here)
        stop_program("fiber::await outside of a fiber");
    return here->suspend(wait);
}

}  // namespace internal

namespace fiber {

bool active() noexcept
{
    return internal::fiber_call::current() != nullptr;
}

fiber_stats stats() noexcept
{
    internal::fiber_thread& thread = internal::fiber_thread::here();
    fiber_stats now;
    if (thread.suspended) {
        for (internal::fiber_call& each : thread.suspended->calls) {
            each.measure();
            ++now.suspended;
        }
    }
    now.calls = thread.calls;
    now.stacks_in_use = thread.stacks.in_use();
    now.stacks_free = thread.stacks.free();
    now.stacks_mapped = thread.stacks.mapped();
    now.stack_size = internal::fiber_stack::size;
    now.high_water_mark = thread.stacks.high_water_mark();
    return now;
}

void add_switch_hook(const switch_hook& hook) noexcept
{
    internal::add_fiber_switch_hook(hook);
}

}  // namespace fiber
}  // namespace coil
