#include <coil/runtime/channel.hpp>

#include "tests/support/awaitable_conformance.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

using namespace coil;
using namespace coil::test;

const std::error_code canceled = errc::canceled;
const std::error_code destroyed = errc::destroyed;
const std::error_code end_of_stream = errc::end_of_stream;
const std::error_code timed_out = errc::timed_out;
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

    channel<std::unique_ptr<int>> subject{2};
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
    /// A send that was granted has sent, and one that was stopped has not.
    void check_unused() { BOOST_TEST(subject.size() >= subject.capacity() - 1); }

    channel<std::unique_ptr<int>> subject{2};
};

BOOST_AUTO_TEST_SUITE(channel_test)

BOOST_AUTO_TEST_CASE(receiving_conforms)
{
    awaitable_conformance<receive_case>::check("channel::receive");
}

BOOST_AUTO_TEST_CASE(sending_conforms)
{
    awaitable_conformance<send_case>::check("channel::send");
}

BOOST_AUTO_TEST_CASE(values_come_out_as_they_went_in_whatever_the_capacity)
{
    loop here;
    for (const std::size_t capacity : {1, 2, 3, 64}) {
        const auto body = [capacity]() -> task<> {
            channel<int> numbers(capacity);
            scope both;
            const auto producer = [&]() -> task<> {
                for (int number = 0; number < 1000; ++number) {
                    const result<> sent = co_await numbers.send(number);
                    sent.value();
                }
                numbers.close();
            };
            both.spawn(producer());
            int expected = 0;
            while (true) {
                const result<int> got = co_await numbers.receive();
                if (!got) {
                    BOOST_TEST(got.error() == end_of_stream);
                    break;
                }
                BOOST_REQUIRE(*got == expected++);
            }
            BOOST_TEST(expected == 1000);
            co_await both.join();
        };
        here.run(body());
    }
}

BOOST_AUTO_TEST_CASE(a_channel_without_room_for_a_value_is_a_mistake)
{
    BOOST_CHECK_THROW(channel<int>(0), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(after_closing_the_rest_is_received_and_nothing_is_sent)
{
    loop here;
    const auto body = [&]() -> task<> {
        channel<int> numbers(2);
        BOOST_TEST(numbers.try_send(1));
        BOOST_TEST(numbers.try_send(2));
        scope senders;
        const auto too_late = [&]() -> task<> {
            const result<> sent = co_await numbers.send(3);
            BOOST_TEST(sent.error() == write_after_end);
        };
        senders.spawn(too_late());
        co_await this_task::yield();
        numbers.close();
        BOOST_TEST(numbers.closed());
        BOOST_TEST(!numbers.try_send(4));
        co_await too_late();
        for (int expected : {1, 2}) {
            const result<int> got = co_await numbers.receive();
            BOOST_TEST(got.has_value());
            BOOST_TEST(*got == expected);
        }
        const result<int> end = co_await numbers.receive();
        BOOST_TEST(end.error() == end_of_stream);
        co_await senders.join();
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(closing_ends_the_receivers_that_wait)
{
    loop here;
    const auto body = [&]() -> task<> {
        channel<int> numbers(1);
        int ended = 0;
        scope receivers;
        const auto receive = [&]() -> task<> {
            const result<int> got = co_await numbers.receive();
            ended += got.error() == end_of_stream;
        };
        receivers.spawn(receive());
        receivers.spawn(receive());
        co_await this_task::yield();
        numbers.close();
        co_await receivers.join();
        BOOST_TEST(ended == 2);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_value_promised_to_one_is_not_taken_by_another)
{
    loop here;
    const auto body = [&]() -> task<> {
        channel<int> numbers(4);
        std::optional<int> first;
        scope receivers;
        const auto receive = [&]() -> task<> {
            const result<int> got = co_await numbers.receive();
            first = got.has_value() ? *got : -1;
        };
        receivers.spawn(receive());
        co_await this_task::yield();
        BOOST_TEST(numbers.try_send(1));
        BOOST_TEST(!numbers.try_receive().has_value());
        BOOST_TEST(numbers.size() == 1U);
        co_await receivers.join();
        BOOST_TEST(first.value() == 1);
        BOOST_TEST(numbers.size() == 0U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_deadline_at_the_moment_of_the_value_loses_nothing)
{
    loop here;
    const auto body = [&]() -> task<> {
        channel<int> numbers(1);
        int received = 0;
        int sent = 0;
        scope sender;
        const auto send_often = [&]() -> task<> {
            for (; sent < 300; ++sent) {
                const result<> in = co_await numbers.send(sent);
                in.value();
                const result<> slept = co_await sleep_for(std::chrono::microseconds(50));
                slept.value();
            }
            numbers.close();
        };
        sender.spawn(send_often());
        while (true) {
            const result<int> got = co_await with_timeout(std::chrono::microseconds(50), numbers.receive());
            if (got)
                BOOST_REQUIRE(*got == received++);
            else if (got.error() == end_of_stream)
                break;
            else
                BOOST_REQUIRE(got.error() == timed_out);
        }
        BOOST_TEST(received == 300);
        co_await sender.join();
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_send_may_have_a_deadline)
{
    loop here;
    const auto body = [&]() -> task<> {
        channel<std::unique_ptr<int>> full(1);
        BOOST_TEST(full.try_send(nullptr));
        std::unique_ptr<int> value = std::make_unique<int>(1);
        const result<> late = co_await with_timeout(std::chrono::milliseconds(1), full.send(std::move(value)));
        BOOST_TEST(late.error() == timed_out);
        BOOST_TEST(full.size() == 1U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(who_waits_at_a_channel_that_is_destroyed_is_told)
{
    loop here;
    const auto body = [&]() -> task<> {
        auto gone = std::make_unique<channel<int>>(1);
        int told = 0;
        const auto receive = [&]() -> task<> {
            const result<int> got = co_await gone->receive();
            told += got.error() == destroyed;
        };
        const auto send = [&]() -> task<> {
            const result<> sent = co_await gone->send(5);
            told += sent.error() == destroyed;
        };
        scope waiters;
        waiters.spawn(receive());
        waiters.spawn(receive());
        co_await this_task::yield();
        BOOST_TEST(gone->try_send(1));  // promised to the first, who does not come to take it
        gone.reset();
        co_await waiters.join();
        BOOST_TEST(told == 2);
        gone = std::make_unique<channel<int>>(1);
        BOOST_TEST(gone->try_send(1));
        waiters.spawn(send());
        co_await this_task::yield();
        gone.reset();
        co_await waiters.join();
        BOOST_TEST(told == 3);
    };
    here.run(body());
}

/// Senders and receivers come, are stopped and are destroyed at random; whatever was sent is received once.
class crowd {
public:
    explicit crowd(unsigned seed) : random_(seed) {}

    task<> run()
    {
        std::vector<std::unique_ptr<scope>> scopes;
        for (int round = 0; round < 20000; ++round) {
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
        scopes.clear();
        while (const std::optional<std::unique_ptr<int>> left = numbers_.try_receive())
            ++times_received_[static_cast<std::size_t>(**left)];
        check();
    }

private:
    task<> send(int number)
    {
        times_received_.resize(static_cast<std::size_t>(number) + 1);
        sent_.resize(times_received_.size());
        std::unique_ptr<int> value = std::make_unique<int>(number);
        const result<> sent = co_await numbers_.send(std::move(value));
        sent_[static_cast<std::size_t>(number)] = sent.has_value() ? 1 : -1;
    }

    task<> receive()
    {
        const result<std::unique_ptr<int>> got = co_await numbers_.receive();
        if (got)
            ++times_received_[static_cast<std::size_t>(**got)];
    }

    void check()
    {
        int received = 0;
        for (std::size_t number = 0; number < sent_.size(); ++number) {
            if (sent_[number] == 1)  // 0: its frame was destroyed, before or after it was sent
                BOOST_REQUIRE(times_received_[number] == 1);
            if (sent_[number] == -1)
                BOOST_REQUIRE(times_received_[number] == 0);
            BOOST_REQUIRE(times_received_[number] <= 1);
            received += times_received_[number];
        }
        BOOST_TEST(received > 500);
    }

    std::mt19937 random_;
    channel<std::unique_ptr<int>> numbers_{3};
    int next_ = 0;
    std::vector<int> sent_;
    std::vector<int> times_received_;
};

BOOST_AUTO_TEST_CASE(no_value_is_lost_or_doubled_among_stops_and_destroyed_frames)
{
    loop here;
    for (unsigned seed = 1; seed <= 5; ++seed) {
        crowd all(seed);
        here.run(all.run());
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
