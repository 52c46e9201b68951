#include <coil/runtime/internal/timers.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <vector>

namespace {

using coil::internal::timer_node;
using coil::internal::timers;
using namespace std::chrono_literals;

const timers::time_point start{};

struct recorder final : timer_node {
    recorder(std::vector<int>& to, int what) : record(&to), number(what) {}
    void expire() noexcept override { record->push_back(number); }
    std::vector<int>* record;
    int number;
};

BOOST_AUTO_TEST_SUITE(internal_timers_test)

BOOST_AUTO_TEST_CASE(expire_in_the_order_of_their_time)
{
    std::vector<int> order;
    recorder late(order, 3), soon(order, 1), between(order, 2);
    timers all;
    all.set(late, start + 30ms);
    all.set(soon, start + 10ms);
    all.set(between, start + 20ms);
    BOOST_TEST((*all.next() == start + 10ms));
    all.expire(start + 9ms);
    BOOST_TEST(order.empty());
    all.expire(start + 20ms);
    BOOST_TEST(order == (std::vector{1, 2}), boost::test_tools::per_element());
    BOOST_TEST(late.set());
    BOOST_TEST(!soon.set());
    all.expire(start + 1h);
    BOOST_TEST(order.back() == 3);
    BOOST_TEST(!all.next().has_value());
    BOOST_TEST(all.size() == 0U);
}

BOOST_AUTO_TEST_CASE(setting_again_moves_a_timer)
{
    std::vector<int> order;
    recorder one(order, 1), two(order, 2);
    timers all;
    all.set(one, start + 10ms);
    all.set(two, start + 20ms);
    all.set(one, start + 30ms);
    BOOST_TEST(all.size() == 2U);
    all.expire(start + 1h);
    BOOST_TEST(order == (std::vector{2, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_timer_that_is_destroyed_does_not_expire)
{
    std::vector<int> order;
    timers all;
    {
        recorder gone(order, 1);
        all.set(gone, start);
    }
    BOOST_TEST(all.size() == 0U);
    all.expire(start + 1h);
    BOOST_TEST(order.empty());
}

BOOST_AUTO_TEST_CASE(timers_outlive_their_home)
{
    std::vector<int> order;
    recorder left(order, 1);
    {
        timers all;
        all.set(left, start);
    }
    BOOST_TEST(!left.set());
}

BOOST_AUTO_TEST_CASE(expiring_one_may_clear_or_set_another)
{
    struct clearing final : timer_node {
        clearing(timers& home, timer_node& which) : all(&home), victim(&which) {}
        void expire() noexcept override { all->clear(*victim); }
        timers* all;
        timer_node* victim;
    };
    std::vector<int> order;
    timers all;
    recorder victim(order, 1), other(order, 2);
    clearing first(all, victim);
    all.set(victim, start + 1ms);
    all.set(other, start + 2ms);
    all.set(first, start);
    all.expire(start + 1h);
    BOOST_TEST(order == std::vector{2}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(many_random_timers_keep_the_order)
{
    std::mt19937 random(7);
    std::vector<int> order;
    timers all;
    std::vector<std::unique_ptr<recorder>> nodes;
    for (int i = 0; i < 3000; ++i) {
        const int when = static_cast<int>(random() % 1000);
        nodes.push_back(std::make_unique<recorder>(order, when));
        all.set(*nodes.back(), start + when * 1ms);
        const std::size_t other = random() % nodes.size();
        switch (random() % 4) {
        case 0: all.clear(*nodes[other]); break;
        case 1:
            nodes[other]->number = static_cast<int>(random() % 1000);
            all.set(*nodes[other], start + nodes[other]->number * 1ms);
            break;
        case 2:
            std::swap(nodes[other], nodes.back());
            nodes.pop_back();
            break;
        default: break;
        }
    }
    const auto set = std::count_if(nodes.begin(), nodes.end(), [](const auto& node) { return node->set(); });
    BOOST_TEST(static_cast<std::size_t>(set) == all.size());
    all.expire(start + 1h);
    BOOST_TEST(static_cast<std::size_t>(set) == order.size());
    BOOST_TEST(std::is_sorted(order.begin(), order.end()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
