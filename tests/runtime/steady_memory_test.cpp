// A program that runs steadily asks for no memory: frames, operations and values lie in pools and queues that have grown.

#include "tests/support/malloc_calls.hpp"

#include <coil/runtime/channel.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/generator.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/mutex.hpp>
#include <coil/runtime/pipe.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/semaphore.hpp>
#include <coil/runtime/shared_channel.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/when.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

constexpr int rounds = 200;

/// BOOST_REQUIRE asks for memory.
void require(bool met)
{
    if (!met)
        BOOST_FAIL("the program does not do what it should");
}

/// Runs `once` until it has grown what it needs, and then checks that it asks for no more.
template <class Once>
void needs_no_memory(Once once)
{
    loop here;
    const auto body = [&once]() -> task<> {
        for (int round = 0; round < rounds; ++round)
            co_await once();
        const std::size_t before = malloc_calls();
        for (int round = 0; round < rounds; ++round)
            co_await once();
        const std::size_t calls = malloc_calls() - before;
        BOOST_TEST(calls == 0U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE(steady_memory_test)

BOOST_AUTO_TEST_CASE(calls_are_counted)
{
    const std::size_t before = malloc_calls();
    std::unique_ptr<int> one = std::make_unique<int>(1);
    std::unique_ptr<std::byte[]> many = std::make_unique<std::byte[]>(100'000);
    asm volatile("" : : "g"(one.get()), "g"(many.get()) : "memory");
    BOOST_TEST(malloc_calls() - before == (malloc_is_counted ? 2U : 0U));
}

task<int> nested(int depth)
{
    if (depth == 0) {
        co_await this_task::yield();
        co_return 0;
    }
    const int below = co_await nested(depth - 1);
    co_return below + 1;
}

task<> count_up(int& ended)
{
    const int depth = co_await nested(3);
    ended += depth;
}

BOOST_AUTO_TEST_CASE(tasks_need_no_memory)
{
    needs_no_memory([]() -> task<> {
        const int depth = co_await nested(20);
        require(depth == 20);
        int ended = 0;
        scope children;
        for (int i = 0; i < 10; ++i)
            children.spawn(count_up(ended));
        co_await children.join();
        const auto [first, second] = co_await when_all(nested(1), nested(2));
        require(ended + first + second == 33);
    });
}

/// Both channels have the same interface.
template <class Channel>
task<> exchange(Channel& values)
{
    scope senders;
    senders.spawn([&values]() -> task<> {
        for (int i = 0; i < 20; ++i) {
            const result<> sent = co_await values.send(i);
            require(sent.has_value());
        }
    });
    for (int i = 0; i < 20; ++i) {
        const result<int> received = co_await values.receive();
        require(*received == i);
    }
    co_await senders.join();
}

BOOST_AUTO_TEST_CASE(channels_need_no_memory)
{
    channel<int> values(2);
    needs_no_memory([&values] { return exchange(values); });
    shared_channel<int> shared(2);
    needs_no_memory([&shared] { return exchange(shared); });
}

BOOST_AUTO_TEST_CASE(timers_need_no_memory)
{
    needs_no_memory([]() -> task<> {
        scope sleepers;
        for (int i = 0; i < 20; ++i)
            sleepers.spawn([i]() -> task<> {
                const result<> slept = co_await sleep_for(i * 2us);
                require(slept.has_value());
            });
        event never;
        const result<> late = co_await with_timeout(1us, never.wait());
        require(late.error() == errc::timed_out);
        co_await sleepers.join();
    });
}

BOOST_AUTO_TEST_CASE(events_mutexes_and_semaphores_need_no_memory)
{
    mutex one;
    semaphore two(2);
    needs_no_memory([&]() -> task<> {
        event all_there;
        int there = 0;
        const auto visit = [&]() -> task<> {
            const result<mutex::guard> locked = co_await one.lock();
            const result<semaphore::permit> permit = co_await two.acquire();
            co_await this_task::yield();
            if (++there == 10)
                all_there.set();
        };
        scope visitors;
        for (int i = 0; i < 10; ++i)
            visitors.spawn(visit());
        const result<> met = co_await all_there.wait();
        require(met.has_value());
        co_await visitors.join();
    });
}

generator<int> numbers(int count)
{
    for (int i = 0; i < count; ++i) {
        co_await this_task::yield();
        co_yield i;
    }
}

BOOST_AUTO_TEST_CASE(generators_need_no_memory)
{
    needs_no_memory([]() -> task<> {
        generator<int> all = numbers(20);
        int sum = 0;
        while (const std::optional<int> each = co_await all.next())
            sum += *each;
        require(sum == 190);
    });
}

BOOST_AUTO_TEST_CASE(pipes_need_no_memory)
{
    const pipe_ends pipe = create_pipe().value();
    needs_no_memory([&pipe]() -> task<> {
        std::array<std::byte, 512> buffer{};
        scope writers;
        writers.spawn([&pipe, &buffer]() -> task<> {
            const result<std::size_t> written = co_await pipe.write_end.write(buffer);
            require(*written == buffer.size());
        });
        std::array<std::byte, 512> taken{};
        const result<std::size_t> read = co_await pipe.read_end.read(taken);
        require(*read == taken.size());
        co_await writers.join();
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
