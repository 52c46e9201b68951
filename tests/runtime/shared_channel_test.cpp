#include <coil/runtime/shared_channel.hpp>

#include "tests/support/awaitable_conformance.hpp"
#include "tests/support/loop_thread.hpp"

#include <coil/runtime/call_on.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;

const std::error_code end_of_stream = errc::end_of_stream;
const std::error_code write_after_end = errc::write_after_end;

struct receive_case {
    static constexpr bool at_once = true;

    task<result<>> wait()
    {
        const result<std::unique_ptr<int>> got = co_await subject.receive();
        if (!got)
            co_return got.error();
        BOOST_TEST(**got == 7);
        co_return result<>();
    }
    void complete() { BOOST_TEST(subject.try_send(std::make_unique<int>(7))); }
    void check_unused()
    {
        const std::optional<std::unique_ptr<int>> left = subject.try_receive();
        BOOST_REQUIRE(left.has_value());
        BOOST_TEST(**left == 7);
    }

    shared_channel<std::unique_ptr<int>> subject{2};
};

struct send_case {
    static constexpr bool at_once = true;

    send_case()
    {
        while (subject.size() < subject.capacity())
            subject.try_send(std::make_unique<int>(0));
    }
    task<result<>> wait()
    {
        std::unique_ptr<int> value = std::make_unique<int>(7);
        const result<> got = co_await subject.send(std::move(value));
        co_return got;
    }
    void complete() { BOOST_TEST(subject.try_receive().has_value()); }
    void check_unused() { BOOST_TEST(subject.size() >= subject.capacity() - 1); }

    shared_channel<std::unique_ptr<int>> subject{2};
};

task<int> send_numbers(shared_channel<int> to, int count)
{
    int sent = 0;
    for (int number = 0; number < count; ++number) {
        const result<> in = co_await to.send(number);
        sent += in.has_value();
    }
    co_return sent;
}

/// How many came in their order until the channel was closed.
task<int> receive_numbers(shared_channel<int> from)
{
    int expected = 0;
    while (true) {
        const result<int> got = co_await from.receive();
        if (!got || *got != expected)
            break;
        ++expected;
    }
    co_return expected;
}

BOOST_AUTO_TEST_SUITE(shared_channel_test)

BOOST_AUTO_TEST_CASE(receiving_conforms)
{
    awaitable_conformance<receive_case>::check("shared_channel::receive");
}

BOOST_AUTO_TEST_CASE(sending_conforms)
{
    awaitable_conformance<send_case>::check("shared_channel::send");
}

BOOST_AUTO_TEST_CASE(a_channel_without_room_for_a_value_is_a_mistake)
{
    BOOST_CHECK_THROW(shared_channel<int>(0), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(after_closing_the_rest_is_received_and_nothing_is_sent)
{
    loop here;
    const auto body = [&]() -> task<> {
        shared_channel<int> numbers(2);
        BOOST_TEST(numbers.try_send(1));
        BOOST_TEST(numbers.try_send(2));
        BOOST_TEST(!numbers.try_send(3));
        scope senders;
        const auto too_late = [&]() -> task<> {
            const result<> sent = co_await numbers.send(3);
            BOOST_TEST(sent.error() == write_after_end);
        };
        senders.spawn(too_late());
        co_await this_task::yield();
        std::thread([numbers] { numbers.close(); }).join();
        BOOST_TEST(numbers.closed());
        BOOST_TEST(!numbers.try_send(4));
        co_await too_late();
        const int received = co_await receive_numbers(numbers);
        BOOST_TEST(received == 0);  // the first is 1
        const result<int> second = co_await numbers.receive();
        BOOST_TEST(*second == 2);
        const result<int> end = co_await numbers.receive();
        BOOST_TEST(end.error() == end_of_stream);
        co_await senders.join();
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(plain_threads_send_and_receive_too)
{
    loop here;
    const auto body = [&]() -> task<> {
        shared_channel<int> there(4);
        shared_channel<int> back(4);
        std::jthread doubling([there, back] {
            for (int count = 0; count < 100;) {
                std::optional<int> got = there.try_receive();
                if (!got) {
                    std::this_thread::yield();
                    continue;
                }
                int twice = *got * 2;
                while (!back.try_send(std::move(twice)))
                    std::this_thread::yield();
                ++count;
            }
        });
        for (int number = 0; number < 100; ++number) {
            const result<> sent = co_await there.send(number);
            sent.value();
            const result<int> got = co_await back.receive();
            BOOST_TEST(*got == 2 * number);
        }
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(two_loops_exchange_a_million_messages_and_none_is_lost)
{
    constexpr int through_channels = 400'000;  // each way
    constexpr int posted = 100'000;            // each way
    loop_thread left;
    loop_thread right;
    shared_channel<int> there(64);
    shared_channel<int> back(64);
    std::atomic<int> posts_arrived = 0;
    const auto post_many = [&](const loop_handle& to) -> task<int> {
        int accepted = 0;
        for (int call = 0; call < posted; ++call) {
            accepted += to.post([&] { ++posts_arrived; });
            if (call % 64 == 0)
                co_await this_task::yield();
        }
        co_return accepted;
    };
    loop here;
    const auto body = [&]() -> task<> {
        std::vector<int> counts(6);
        scope all;
        const auto run_on = [&](const loop_handle& where, auto make, int& count) -> task<> {
            const result<int> got = co_await call_on(where, make);
            count = got ? *got : -1;
        };
        const auto send_there = [&] { return send_numbers(there, through_channels); };
        const auto send_back = [&] { return send_numbers(back, through_channels); };
        const auto receive_there = [&] { return receive_numbers(there); };
        const auto receive_back = [&] { return receive_numbers(back); };
        const auto post_right = [&] { return post_many(right.handle()); };
        const auto post_left = [&] { return post_many(left.handle()); };
        all.spawn(run_on(right.handle(), receive_there, counts[0]));
        all.spawn(run_on(left.handle(), receive_back, counts[1]));
        scope senders;
        senders.spawn(run_on(left.handle(), send_there, counts[2]));
        senders.spawn(run_on(right.handle(), send_back, counts[3]));
        senders.spawn(run_on(left.handle(), post_right, counts[4]));
        senders.spawn(run_on(right.handle(), post_left, counts[5]));
        co_await senders.join();
        there.close();
        back.close();
        co_await all.join();
        for (int each : {0, 1, 2, 3})
            BOOST_TEST(counts[static_cast<std::size_t>(each)] == through_channels);
        BOOST_TEST(counts[4] == posted);
        BOOST_TEST(counts[5] == posted);
    };
    here.run(body());
    left.end();
    right.end();
    BOOST_TEST(posts_arrived == 2 * posted);
}

/// On each of two loops senders and receivers come, are stopped and are destroyed at random.
class crowd {
public:
    crowd(shared_channel<std::unique_ptr<int>> of, std::vector<std::atomic<int>>& sent, std::vector<std::atomic<int>>& received,
          std::atomic<int>& next, unsigned seed)
        : numbers_(std::move(of)), sent_(sent), received_(received), next_(next), random_(seed)
    {
    }

    task<> run()
    {
        std::vector<std::unique_ptr<scope>> scopes;
        for (int round = 0; round < 10000; ++round) {
            const unsigned what = random_() % 10;
            if (what < 3) {
                scopes.push_back(std::make_unique<scope>());
                scopes.back()->spawn(send(next_++));
            } else if (what < 6) {
                scopes.push_back(std::make_unique<scope>());
                scopes.back()->spawn(receive());
            } else if (what < 7 && !scopes.empty()) {
                scopes.erase(scopes.begin() + static_cast<std::ptrdiff_t>(random_() % scopes.size()));
            } else if (what < 8 && !scopes.empty()) {
                scopes[random_() % scopes.size()]->request_stop();
            } else {
                co_await this_task::yield();
            }
        }
    }

private:
    task<> send(int number)
    {
        std::unique_ptr<int> value = std::make_unique<int>(number);
        const result<> sent = co_await numbers_.send(std::move(value));
        sent_[static_cast<std::size_t>(number)] = sent.has_value() ? 1 : -1;
    }
    task<> receive()
    {
        const result<std::unique_ptr<int>> got = co_await numbers_.receive();
        if (got)
            ++received_[static_cast<std::size_t>(**got)];
    }

    shared_channel<std::unique_ptr<int>> numbers_;
    std::vector<std::atomic<int>>& sent_;
    std::vector<std::atomic<int>>& received_;
    std::atomic<int>& next_;
    std::mt19937 random_;
};

BOOST_AUTO_TEST_CASE(no_value_is_lost_or_doubled_among_stops_and_destroyed_frames_on_two_loops)
{
    std::vector<std::atomic<int>> sent(20000);
    std::vector<std::atomic<int>> received(20000);
    std::atomic<int> next = 0;
    shared_channel<std::unique_ptr<int>> numbers(3);
    {
        loop_thread left;
        loop_thread right;
        loop here;
        const auto body = [&]() -> task<> {
            scope both;
            const auto run_on = [&](const loop_handle& where, unsigned seed) -> task<> {
                const auto start = [&, seed]() -> task<> {
                    crowd own(numbers, sent, received, next, seed);
                    co_await own.run();
                };
                const result<> done = co_await call_on(where, start);
                BOOST_TEST(done.has_value());
            };
            both.spawn(run_on(left.handle(), 3));
            both.spawn(run_on(right.handle(), 4));
            co_await both.join();
        };
        here.run(body());
    }
    while (const std::optional<std::unique_ptr<int>> left = numbers.try_receive())
        ++received[static_cast<std::size_t>(**left)];
    int total = 0;
    for (std::size_t number = 0; number < static_cast<std::size_t>(next.load()); ++number) {
        if (sent[number] == 1)
            BOOST_REQUIRE(received[number] == 1);
        if (sent[number] == -1)
            BOOST_REQUIRE(received[number] == 0);
        BOOST_REQUIRE(received[number] <= 1);
        total += received[number];
    }
    BOOST_TEST(total > 100);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
