#include "bench/runtime/measure.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdlib>
#include <thread>

namespace coil::bench {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using int_channel = asio::experimental::channel<void(boost::system::error_code, int)>;

[[gnu::noinline]] awaitable<int> ready(int value)
{
    co_return value;
}

awaitable<void> await_ready_tasks()
{
    int sum = 0;
    for (int i = 0; i < ready_tasks; ++i)
        sum += co_await ready(1);
    if (sum != ready_tasks)
        std::abort();
}

awaitable<void> send_all(int_channel& to)
{
    for (int i = 0; i < channel_values; ++i)
        co_await to.async_send(boost::system::error_code(), i, use_awaitable);
}

awaitable<void> receive_all(int_channel& from)
{
    for (int i = 0; i < channel_values; ++i) {
        const int got = co_await from.async_receive(use_awaitable);
        if (got != i)
            std::abort();
    }
}

awaitable<void> set_timers()
{
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int i = 0; i < timers; ++i) {
        timer.expires_after(std::chrono::nanoseconds(0));
        co_await timer.async_wait(use_awaitable);
    }
}

/// To another executor and back to the coroutine's own.
template <class Executor>
awaitable<void> go_there_and_back(Executor there, int count)
{
    for (int i = 0; i < count; ++i)
        co_await asio::post(there, use_awaitable);
}

awaitable<void> call_on_fibers()
{
    const auto one = [](asio::yield_context) { return 1; };
    const asio::any_io_executor here = co_await asio::this_coro::executor;
    for (int i = 0; i < fiber_calls; ++i) {
        const int got = co_await asio::spawn(here, one, use_awaitable);
        if (got != 1)
            std::abort();
    }
}

template <class... Coroutines>
double run(int count, Coroutines... coroutines)
{
    asio::io_context here(1);
    (asio::co_spawn(here, std::move(coroutines), asio::detached), ...);
    return nanoseconds_each(count, [&] { here.run(); });
}

double measure_channel()
{
    asio::io_context here(1);
    int_channel values(here, 1);
    asio::co_spawn(here, send_all(values), asio::detached);
    asio::co_spawn(here, receive_all(values), asio::detached);
    return nanoseconds_each(channel_values, [&] { here.run(); });
}

double measure_other_loop()
{
    asio::io_context other(1);
    auto work = asio::make_work_guard(other);
    std::jthread thread([&] { other.run(); });
    const double cost = run(other_loop_calls, go_there_and_back(other.get_executor(), other_loop_calls));
    work.reset();
    return cost;
}

double measure_offload()
{
    asio::thread_pool pool(4);
    const double cost = run(offloads, go_there_and_back(pool.get_executor(), offloads));
    pool.join();
    return cost;
}

}  // namespace

costs measure_asio()
{
    costs found;
    found.ready_task = run(ready_tasks, await_ready_tasks());
    found.channel = measure_channel();
    found.timer = run(timers, set_timers());
    found.other_loop = measure_other_loop();
    found.offload = measure_offload();
    found.fiber_call = run(fiber_calls, call_on_fibers());
    return found;
}

}  // namespace coil::bench
