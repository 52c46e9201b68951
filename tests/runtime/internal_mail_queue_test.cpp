// Goes through every interleaving of senders and reader, with the queue that the runtime uses: only its atomic word is
// another. All accesses but those to that word are ordered by it, so steps that are sequentially consistent cover them all.

#include <coil/runtime/internal/mail_queue.hpp>

#include "tests/support/interleavings.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace coil::internal;
using namespace coil::test;

constexpr interleavings::place word_place = 0;
constexpr interleavings::place bell_place = 1;
constexpr interleavings::place rings_place = 2;
constexpr interleavings::place sleeps_place = 3;
constexpr interleavings::place first_received = 4;
constexpr interleavings::place first_next = 10;

struct letter {
    explicit letter(std::size_t number) : next(first_next + number) {}
    explored_pointer<letter> next;
};

enum class mistake {
    none,
    no_wake,          ///< The sender does not ring.
    sleeps_anyway,    ///< The reader does not mind that it cannot fall asleep.
};

struct scenario {
    std::vector<std::vector<std::size_t>> senders;  ///< Which letters each of them sends.
    mistake made = mistake::none;
    bool bell_from_elsewhere = false;  ///< The reader is also woken by something else.
};

template <torn Torn>
class model {
public:
    using queue_type = mail_queue<letter, explored_word<letter, Torn, word_place>>;

    explicit model(scenario what) : what_(std::move(what))
    {
        for (const auto& sent : what_.senders)
            count_ += sent.size();
        for (std::size_t number = 0; number < count_; ++number)
            letters_.emplace_back(number);
    }

    interleavings::outcome explore()
    {
        std::vector<std::function<void()>> threads;
        for (const auto& sent : what_.senders)
            threads.emplace_back([this, &sent] { send(sent); });
        threads.emplace_back([this] { read(); });
        if (what_.bell_from_elsewhere)
            threads.emplace_back([] { ring(); });
        interleavings all(std::move(threads));
        all.check = [this](const interleavings::memory& shared) { return wrong_with(shared); };
        return all.explore();
    }

private:
    static void ring()
    {
        interleavings::step([](interleavings::memory& shared) { return shared[bell_place] = 1; });
    }

    void send(const std::vector<std::size_t>& numbers)
    {
        for (const std::size_t number : numbers) {
            const auto put = queue_.put(letters_[number]);
            if (interleavings::paused())
                return;
            if (put == queue_type::put_result::wake_reader && what_.made != mistake::no_wake) {
                interleavings::step([](interleavings::memory& shared) { return ++shared[rings_place]; });
                ring();
            }
        }
    }

    void read()
    {
        std::size_t received = 0;
        while (true) {
            for (letter* each = queue_.take(); each && !interleavings::paused();) {
                letter* const next = each->next;
                const auto number = static_cast<std::uintptr_t>(each - letters_.data());
                interleavings::step([&](interleavings::memory& shared) { return shared[first_received + received] = number + 1; });
                ++received;
                each = next;
            }
            if (interleavings::paused() || received >= count_)
                return;
            const bool asleep = queue_.fall_asleep();
            if (interleavings::paused())
                return;
            if (!asleep && what_.made != mistake::sleeps_anyway)
                continue;
            interleavings::step(
                [](interleavings::memory& shared) {
                    shared[bell_place] = 0;
                    return ++shared[sleeps_place];
                },
                [](const interleavings::memory& shared) { return shared[bell_place] != 0; });
            if (interleavings::paused())
                return;
        }
    }

    std::string wrong_with(const interleavings::memory& shared) const
    {
        std::vector<std::size_t> place(count_, count_);
        for (std::size_t i = 0; i < count_; ++i) {
            const std::uintptr_t received = shared[first_received + i];
            if (received == 0 || place[received - 1] != count_)
                return "a letter was lost or came twice";
            place[received - 1] = i;
        }
        for (const auto& sent : what_.senders)
            for (std::size_t i = 1; i < sent.size(); ++i)
                if (place[sent[i - 1]] > place[sent[i]])
                    return "letters of one sender changed their order";
        if (shared[rings_place] > shared[sleeps_place] + 1)
            return "the bell was rung for a reader that was awake";
        return {};
    }

    scenario what_;
    std::size_t count_ = 0;
    std::vector<letter> letters_;
    queue_type queue_;
};

template <torn Torn = torn::nothing>
interleavings::outcome explore(scenario what)
{
    return model<Torn>(std::move(what)).explore();
}

const scenario two_senders{.senders = {{0}, {1}}};

BOOST_AUTO_TEST_SUITE(internal_mail_queue_test)

BOOST_AUTO_TEST_CASE(in_no_order_of_steps_is_mail_or_a_wake_up_lost)
{
    for (const scenario& what :
         {scenario{.senders = {{0}}}, scenario{.senders = {{0, 1, 2}}}, two_senders,
          scenario{.senders = {{0, 1}}, .bell_from_elsewhere = true}}) {
        const interleavings::outcome outcome = explore(what);
        BOOST_TEST(outcome.failure == "");
        BOOST_TEST(outcome.ends > 0U);
        BOOST_TEST_MESSAGE(outcome.states << " states, " << outcome.ends << " ends");
    }
}

BOOST_AUTO_TEST_CASE(a_reader_that_falls_asleep_in_two_steps_is_found_out)
{
    BOOST_TEST(explore<torn::strong_compare>(two_senders).failure != "");
    BOOST_TEST(explore<torn::strong_compare>({.senders = {{0}}}).failure != "");
}

BOOST_AUTO_TEST_CASE(a_sender_that_puts_mail_in_two_steps_is_found_out)
{
    BOOST_TEST(explore<torn::weak_compare>(two_senders).failure != "");
}

BOOST_AUTO_TEST_CASE(a_reader_that_takes_mail_in_two_steps_is_found_out)
{
    BOOST_TEST(explore<torn::exchange>(two_senders).failure != "");
}

BOOST_AUTO_TEST_CASE(a_sender_that_wakes_nobody_is_found_out)
{
    BOOST_TEST(explore({.senders = {{0}}, .made = mistake::no_wake}).failure == "a thread waits for ever");
}

BOOST_AUTO_TEST_CASE(a_reader_that_sleeps_although_there_is_mail_is_found_out)
{
    BOOST_TEST(explore({.senders = {{0}}, .made = mistake::sleeps_anyway}).failure == "a thread waits for ever");
}

struct plain_letter {
    plain_letter* next = nullptr;
    int sender = 0;
    int number = 0;
};

BOOST_AUTO_TEST_CASE(real_threads_lose_nothing_either)
{
    constexpr int senders = 3;
    constexpr int count = 20000;
    mail_queue<plain_letter> queue;
    std::vector<std::vector<plain_letter>> letters(senders, std::vector<plain_letter>(count));
    std::atomic<bool> bell = false;
    {
        std::vector<std::jthread> threads;
        for (int sender = 0; sender < senders; ++sender)
            threads.emplace_back([&, sender] {
                for (int number = 0; number < count; ++number) {
                    plain_letter& each = letters[static_cast<std::size_t>(sender)][static_cast<std::size_t>(number)];
                    each.sender = sender;
                    each.number = number;
                    if (queue.put(each) == mail_queue<plain_letter>::put_result::wake_reader) {
                        bell = true;
                        bell.notify_one();
                    }
                }
            });
        std::array<int, senders> expected{};
        for (int received = 0; received < senders * count;) {
            for (plain_letter* each = queue.take(); each; each = each->next) {
                BOOST_REQUIRE(each->number == expected[static_cast<std::size_t>(each->sender)]++);
                ++received;
            }
            if (received < senders * count && queue.fall_asleep()) {
                bell.wait(false);
                bell = false;
            }
        }
    }
    BOOST_TEST(queue.close() == nullptr);
    plain_letter late;
    BOOST_TEST((queue.put(late) == mail_queue<plain_letter>::put_result::closed));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
