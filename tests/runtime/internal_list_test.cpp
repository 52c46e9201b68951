#include <coil/runtime/internal/list.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

namespace {

using coil::internal::list;
using coil::internal::list_hook;

struct by_age;

struct item : list_hook<item>, list_hook<by_age> {
    explicit item(int what) : number(what) {}
    int number;
};

template <class List>
std::vector<int> numbers(List& from)
{
    std::vector<int> found;
    for (item& each : from)
        found.push_back(each.number);
    return found;
}

BOOST_AUTO_TEST_SUITE(internal_list_test)

BOOST_AUTO_TEST_CASE(keeps_the_order_in_which_elements_came)
{
    item a(1), b(2), c(3);
    list<item> queue;
    queue.push_back(a);
    queue.push_back(b);
    queue.push_back(c);
    BOOST_TEST(numbers(queue) == (std::vector{1, 2, 3}), boost::test_tools::per_element());
    BOOST_TEST(queue.pop_front().number == 1);
    BOOST_TEST(!a.list_hook<item>::linked());
    BOOST_TEST(numbers(queue) == (std::vector{2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_element_that_is_destroyed_leaves)
{
    item a(1), c(3);
    list<item> queue;
    queue.push_back(a);
    {
        item b(2);
        queue.push_back(b);
        queue.push_back(c);
    }
    BOOST_TEST(numbers(queue) == (std::vector{1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_list_that_is_destroyed_lets_go_of_its_elements)
{
    item a(1);
    {
        list<item> queue;
        queue.push_back(a);
    }
    BOOST_TEST(!a.list_hook<item>::linked());
    list<item> other;
    other.push_back(a);
    BOOST_TEST(&other.front() == &a);
}

BOOST_AUTO_TEST_CASE(unlinking_twice_is_harmless)
{
    item a(1);
    list<item> queue;
    queue.push_back(a);
    a.list_hook<item>::unlink();
    a.list_hook<item>::unlink();
    BOOST_TEST(queue.empty());
}

BOOST_AUTO_TEST_CASE(one_object_stands_in_two_lists)
{
    item a(1), b(2);
    list<item> queue;
    list<item, by_age> ages;
    queue.push_back(a);
    queue.push_back(b);
    ages.push_back(b);
    ages.push_back(a);
    queue.pop_front();
    BOOST_TEST(numbers(queue) == std::vector{2}, boost::test_tools::per_element());
    BOOST_TEST(numbers(ages) == (std::vector{2, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(splicing_moves_everything_to_the_end)
{
    item a(1), b(2), c(3);
    list<item> first, second;
    first.push_back(a);
    second.push_back(b);
    second.push_back(c);
    first.splice(second);
    BOOST_TEST(numbers(first) == (std::vector{1, 2, 3}), boost::test_tools::per_element());
    BOOST_TEST(second.empty());
    first.splice(second);
    BOOST_TEST(numbers(first).size() == 3U);
    second.splice(first);
    BOOST_TEST(first.empty());
    BOOST_TEST(numbers(second).size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
