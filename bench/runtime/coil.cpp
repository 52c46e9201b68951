#include "bench/runtime/measure.hpp"

#include <coil/runtime/call_on.hpp>
#include <coil/runtime/channel.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/fiber.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/offload.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/when.hpp>

#include <cstdlib>
#include <future>
#include <thread>

namespace coil::bench {
namespace {

[[gnu::noinline]] task<int> ready(int value)
{
    co_return value;
}

task<> await_ready_tasks()
{
    int sum = 0;
    for (int i = 0; i < ready_tasks; ++i)
        sum += co_await ready(1);
    if (sum != ready_tasks)
        std::abort();
}

task<> send_all(channel<int>& to)
{
    for (int i = 0; i < channel_values; ++i) {
        const result<> sent = co_await to.send(i);
        sent.value();
    }
}

task<> receive_all(channel<int>& from)
{
    for (int i = 0; i < channel_values; ++i) {
        const result<int> got = co_await from.receive();
        if (*got != i)
            std::abort();
    }
}

task<> hand_over()
{
    channel<int> values(1);
    const auto both = co_await when_all(send_all(values), receive_all(values));
    static_cast<void>(both);
}

task<> set_timers()
{
    for (int i = 0; i < timers; ++i) {
        const result<> slept = co_await sleep_for(std::chrono::nanoseconds(0));
        slept.value();
    }
}

task<> call_other(const loop_handle& other)
{
    const auto one = [] { return 1; };
    for (int i = 0; i < other_loop_calls; ++i) {
        const result<int> got = co_await call_on(other, one);
        if (!got)
            std::abort();
    }
}

task<> offload_calls()
{
    const auto one = [] { return 1; };
    for (int i = 0; i < offloads; ++i) {
        const result<int> got = co_await offload(one);
        if (!got)
            std::abort();
    }
}

task<> call_on_fibers()
{
    const auto one = [] { return 1; };
    for (int i = 0; i < fiber_calls; ++i) {
        const int got = co_await fiber::call(one);
        if (got != 1)
            std::abort();
    }
}

task<> wait_for(event& over)
{
    const result<> waited = co_await over.wait();
    waited.value();
}

double measure_other_loop(loop& here)
{
    std::promise<loop_handle> started;
    event* over = nullptr;
    std::jthread thread([&] {
        loop other;
        event end;
        over = &end;
        started.set_value(other.handle());
        other.run(wait_for(end));
    });
    const loop_handle other = started.get_future().get();
    const double cost = nanoseconds_each(other_loop_calls, [&] { here.run(call_other(other)); });
    other.post([&] { over->set(); });
    return cost;
}

}  // namespace

costs measure_coil()
{
    loop here;
    costs found;
    found.ready_task = nanoseconds_each(ready_tasks, [&] { here.run(await_ready_tasks()); });
    found.channel = nanoseconds_each(channel_values, [&] { here.run(hand_over()); });
    found.timer = nanoseconds_each(timers, [&] { here.run(set_timers()); });
    found.other_loop = measure_other_loop(here);
    found.offload = nanoseconds_each(offloads, [&] { here.run(offload_calls()); });
    found.fiber_call = nanoseconds_each(fiber_calls, [&] { here.run(call_on_fibers()); });
    return found;
}

}  // namespace coil::bench
