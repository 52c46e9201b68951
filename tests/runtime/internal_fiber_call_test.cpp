#include <coil/runtime/internal/fiber_call.hpp>

#include <coil/runtime/event.hpp>
#include <coil/runtime/fiber.hpp>
#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/simulation.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/when.hpp>
#include <coil/runtime/yield.hpp>

#include "tests/support/child_end.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <coroutine>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace coil;
using test::child_end;
using test::end_of_child;
using namespace std::chrono_literals;

task<int> twice(int number)
{
    const result<> slept = co_await sleep_for(1ms);
    co_return slept ? 2 * number : -1;
}

BOOST_AUTO_TEST_SUITE(internal_fiber_call_test)

BOOST_AUTO_TEST_CASE(stacks_are_used_again)
{
    loop here;
    const auto body = []() -> task<> {
        co_await fiber::call([] {});
        const fiber_stats before = fiber::stats();
        for (int i = 0; i < 1000; ++i)
            co_await fiber::call([] { fiber::await(this_task::yield()); });
        const fiber_stats after = fiber::stats();
        BOOST_TEST(after.calls == before.calls + 1000);
        BOOST_TEST(after.stacks_mapped == before.stacks_mapped);
    };
    here.run(body());
}

/// Catches an exception, waits, and rethrows what it caught.
std::string rethrown_after(std::string message, std::chrono::nanoseconds time)
{
    try {
        try {
            throw std::runtime_error(message);
        } catch (...) {
            static_cast<void>(fiber::await(sleep_for(time)).has_value());
            throw;
        }
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "nothing";
}

BOOST_AUTO_TEST_CASE(each_fiber_keeps_the_exceptions_that_it_has_caught)
{
    loop here;
    const auto body = []() -> task<> {
        std::string first;
        std::string second;
        const auto catch_and_wait = [](std::string message, std::chrono::nanoseconds time,
                                       std::string& into) -> task<> {
            auto call = fiber::call([&message, time] { return rethrown_after(message, time); });
            into = co_await call;
        };
        co_await when_all(catch_and_wait("of the first", 2ms, first), catch_and_wait("of the second", 4ms, second));
        BOOST_TEST(first == "of the first");
        BOOST_TEST(second == "of the second");
        BOOST_TEST(!std::current_exception());
        // A fiber that begins inside of a catch block sees nothing of it, and the block keeps its own.
        std::string kept;
        bool seen = true;
        try {
            try {
                throw std::runtime_error("of the thread");
            } catch (...) {
                // A coroutine may not suspend here, but it may drive one that does not.
                const auto quick = [&seen]() -> task<> {
                    co_await fiber::call([&seen] { seen = static_cast<bool>(std::current_exception()); });
                };
                internal::root_coroutine root = [](auto& make) -> internal::root_coroutine { co_await make(); }(quick);
                root.start();
                throw;
            }
        } catch (const std::runtime_error& error) {
            kept = error.what();
        }
        BOOST_TEST(!seen);
        BOOST_TEST(kept == "of the thread");
    };
    here.run(body());
}

/// Uses at least `depth` KiB of the stack, also where a sanitizer would keep variables elsewhere.
__attribute__((noinline, no_sanitize("address"))) int use_stack(int depth, volatile char* outer = nullptr)
{
    volatile char bytes[1024];
    bytes[0] = 1;
    if (outer)
        outer[1023] = 1;
    if (depth <= 1)
        return 1;
    const int deeper = use_stack(depth - 1, bytes);  // it writes there, so no frame can be saved
    return deeper + bytes[1023];
}

BOOST_AUTO_TEST_CASE(the_deepest_use_of_a_stack_is_known)
{
    // A thread has stacks of its own, so the other cases have not used these.
    std::thread([] {
        loop here;
        const auto body = []() -> task<> {
            co_await fiber::call([] {});
            const std::size_t little = fiber::stats().high_water_mark;
            const int kibibytes = co_await fiber::call([] { return use_stack(30); });
            const std::size_t much = fiber::stats().high_water_mark;
            co_await fiber::call([] { return use_stack(2); });
            BOOST_TEST(kibibytes == 30);
            BOOST_TEST(little > 0U);
            BOOST_TEST(little < 8U * 1024);
            BOOST_TEST(much >= 30U * 1024);
            BOOST_TEST(much < fiber::stats().stack_size);
            BOOST_TEST(fiber::stats().high_water_mark == much);
            // Also of one that waits.
            const int deep = co_await fiber::call([] {
                const int used = use_stack(40);
                static_cast<void>(fiber::await(sleep_for(1ms)).has_value());
                return used;
            });
            BOOST_TEST(deep == 40);
            BOOST_TEST(fiber::stats().high_water_mark >= 40U * 1024);
        };
        here.run(body());
    }).join();
}

BOOST_AUTO_TEST_CASE(free_stacks_stay_until_there_is_time_and_then_the_last_used_of_them_are_kept)
{
    using internal::fiber_stack;
    using internal::fiber_stack_pool;
    fiber_stack_pool pool;
    std::vector<fiber_stack> taken;
    std::vector<const std::byte*> memory;
    constexpr std::size_t count = fiber_stack_pool::kept + fiber_stack_pool::most_for_a_trim + 10;
    for (std::size_t i = 0; i < count; ++i) {
        taken.push_back(pool.take());
        taken.back().memory().back() = std::byte{1};
        memory.push_back(taken.back().memory().data());
    }
    BOOST_TEST(pool.in_use() == count);
    BOOST_TEST(!pool.has_too_many());
    for (fiber_stack& each : taken)
        pool.put(std::move(each));
    BOOST_TEST(pool.in_use() == 0U);
    BOOST_TEST(pool.free() == count);
    BOOST_TEST(pool.trim());
    BOOST_TEST(pool.free() == fiber_stack_pool::kept + 10);
    BOOST_TEST(!pool.trim());
    BOOST_TEST(pool.free() == fiber_stack_pool::kept);
    BOOST_TEST(!pool.trim());
    BOOST_TEST(pool.high_water_mark() == 8U);
    const fiber_stack last = pool.take();
    BOOST_TEST(last.memory().data() == memory.back());
    BOOST_TEST(::msync(const_cast<std::byte*>(memory.front()), 4096, MS_ASYNC) == -1);  // not mapped any more
}

BOOST_AUTO_TEST_CASE(a_loop_returns_the_stacks_of_a_crowd_when_that_is_over)
{
    simulation here;
    const auto body = []() -> task<> {
        const std::size_t before = fiber::stats().stacks_free;
        constexpr std::size_t count =
            internal::fiber_stack_pool::kept + 3 * internal::fiber_stack_pool::most_for_a_trim;
        event go;
        scope crowd;
        const auto member = [&]() -> task<> {
            co_await fiber::call([&] { static_cast<void>(fiber::await(go.wait()).has_value()); });
        };
        for (std::size_t i = 0; i < count; ++i)
            crowd.spawn(member);
        co_await this_task::yield();
        co_await this_task::yield();
        BOOST_TEST(fiber::stats().suspended == count);
        go.set();
        co_await crowd.join();
        BOOST_TEST(fiber::stats().stacks_free >= std::max(before, count));
        const result<> waited = co_await sleep_for(3s);
        BOOST_TEST(waited.has_value());
        BOOST_TEST(fiber::stats().stacks_free == internal::fiber_stack_pool::kept);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_fiber_that_outgrows_its_stack_stops_the_program)
{
    const child_end end = end_of_child([] {
        loop here;
        const auto body = []() -> task<> {
            scope children;
            const auto deep = []() -> task<> {
                co_await fiber::call([] {
                    fiber::await(this_task::yield());
                    use_stack(static_cast<int>(fiber::stats().stack_size / 1024) + 2);
                    ::_exit(0);
                });
            };
            const auto below = []() -> task<> {
                co_await fiber::call([] { static_cast<void>(fiber::await(sleep_for(1h)).has_value()); });
            };
            children.spawn(deep());
            children.spawn(below());  // the kernel maps from the top down, so this one's stack is next
            co_await children.join();
        };
        here.run(body());
    });
    BOOST_TEST(end.signal == SIGSEGV);
}

/// Writes the byte of a large array that lies farthest down, and no other.
__attribute__((noinline)) void write_far_end()
{
    std::array<char, internal::fiber_stack::size + 100 * 1024> large;
    char* far = large.data();
    asm volatile("" : "+r"(far));  // a compiler that saw what this is for would leave it out
    *far = 1;
    asm volatile("" : : "r"(far) : "memory");
}

BOOST_AUTO_TEST_CASE(a_fiber_that_skips_its_stack_s_end_does_not_reach_its_neighbour, *boost::unit_test::label("F-34"))
{
    const child_end end = end_of_child([] {
        loop here;
        const auto body = []() -> task<> {
            scope children;
            const auto skipping = []() -> task<> {
                co_await fiber::call([] {
                    fiber::await(this_task::yield());
                    write_far_end();
                    ::_exit(0);
                });
            };
            const auto below = []() -> task<> {
                co_await fiber::call([] { static_cast<void>(fiber::await(sleep_for(1h)).has_value()); });
            };
            children.spawn(skipping());
            for (int i = 0; i < 8; ++i)
                children.spawn(below());
            co_await children.join();
        };
        here.run(body());
    });
    BOOST_TEST(end.signal == SIGSEGV);
}

BOOST_AUTO_TEST_CASE(awaiting_outside_of_a_fiber_stops_the_program)
{
    const child_end end = end_of_child([] { static_cast<void>(fiber::await(sleep_until({})).has_value()); });
    BOOST_TEST(end.signal == SIGABRT);
    BOOST_TEST(end.message.find("outside of a fiber") != std::string::npos);
}

/// Hands its awaiting coroutine to whoever wants to resume it.
class taken_by_hand {
public:
    explicit taken_by_hand(std::coroutine_handle<>& into) noexcept : into_(into) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept { into_ = awaiting; }
    void await_resume() const noexcept {}

private:
    std::coroutine_handle<>& into_;
};

BOOST_AUTO_TEST_CASE(a_fiber_that_is_resumed_on_another_thread_stops_the_program)
{
    const child_end end = end_of_child([] {
        loop here;
        const auto body = []() -> task<> {
            std::coroutine_handle<> taken;
            scope children;
            const auto child = [&taken]() -> task<> {
                co_await fiber::call([&taken] { fiber::await(taken_by_hand(taken)); });
            };
            children.spawn(child());
            co_await this_task::yield();
            co_await this_task::yield();
            std::thread([&taken] { taken.resume(); }).join();
        };
        here.run(body());
    });
    BOOST_TEST(end.signal == SIGABRT);
    BOOST_TEST(end.message.find("on another thread") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_function_that_destroys_its_awaiting_frame_stops_the_program)
{
    const child_end end = end_of_child([] {
        loop here;
        const auto body = []() -> task<> {
            std::optional<scope> children(std::in_place);
            const auto child = [&children]() -> task<> { co_await fiber::call([&children] { children.reset(); }); };
            children->spawn(child());
            co_await this_task::yield();
            co_await this_task::yield();
        };
        here.run(body());
    });
    BOOST_TEST(end.signal == SIGABRT);
    // Builds with assertions notice it a step earlier, at the scope.
    const bool at_the_fiber = end.message.find("destroyed the coroutine") != std::string::npos;
    const bool at_the_scope = end.message.find("a scope is destroyed by a task of its own") != std::string::npos;
    BOOST_TEST((at_the_fiber || at_the_scope), end.message);
}

// A state of the thread that every stack has to itself, as a hook keeps it.
thread_local int thread_value = 0;
thread_local int switches = 0;

const fiber::switch_hook value_hook = {
    .left =
        []() noexcept {
            ++switches;
            return reinterpret_cast<void*>(static_cast<std::intptr_t>(std::exchange(thread_value, 0)));
        },
    .resumed =
        [](void* state) noexcept {
            ++switches;
            thread_value = static_cast<int>(reinterpret_cast<std::intptr_t>(state));
        },
};

BOOST_AUTO_TEST_CASE(hooks_keep_a_state_of_the_thread_apart)
{
    fiber::add_switch_hook(value_hook);
    loop here;
    const auto body = []() -> task<> {
        switches = 0;
        thread_value = 1;
        int at_begin = -1;
        int after_wait = -1;
        int in_task = -1;
        const auto look = [&in_task]() -> task<> {
            in_task = thread_value;
            co_return;
        };
        co_await fiber::call([&] {
            at_begin = std::exchange(thread_value, 2);
            fiber::await(look());
            after_wait = thread_value;
        });
        BOOST_TEST(at_begin == 0);
        BOOST_TEST(in_task == 1);
        BOOST_TEST(after_wait == 2);
        BOOST_TEST(thread_value == 1);
        // In, out for the task, in again, out for good: three are left to be resumed, and are.
        BOOST_TEST(switches == 6);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(every_thread_has_fibers_of_its_own)
{
    const auto work = [](int& sum) {
        loop here;
        const auto body = [&sum]() -> task<> {
            scope children;
            const auto child = [&sum]() -> task<> {
                sum += co_await fiber::call([] {
                    int total = 0;
                    for (int i = 0; i < 20; ++i) {
                        const std::string text = rethrown_after("kept", 10us);
                        total += text == "kept" ? fiber::await(twice(1)) : 0;
                    }
                    return total;
                });
            };
            for (int i = 0; i < 10; ++i)
                children.spawn(child());
            co_await children.join();
        };
        here.run(body());
    };
    std::array<int, 2> sums{};
    std::thread first(work, std::ref(sums[0]));
    std::thread second(work, std::ref(sums[1]));
    first.join();
    second.join();
    BOOST_TEST(sums[0] == 400);
    BOOST_TEST(sums[1] == 400);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
