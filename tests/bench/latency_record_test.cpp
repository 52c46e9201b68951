#include "bench/load/latency_record.hpp"

#include <boost/test/unit_test.hpp>

#include <array>

using bench::latency_record;
using std::chrono::nanoseconds;

BOOST_AUTO_TEST_SUITE(latency_record_test)

BOOST_AUTO_TEST_CASE(quantiles_are_exact_and_no_interpolation)
{
    latency_record record;
    for (int i = 1000; i >= 1; --i)
        record.add(nanoseconds(i));
    const auto at = record.at(std::array{0.0, 0.5, 0.99, 0.999, 0.9999, 1.0});
    const std::array expected{1.0, 500.0, 990.0, 999.0, 1000.0, 1000.0};
    BOOST_TEST(at == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_value_is_all_quantiles)
{
    latency_record record;
    record.add(nanoseconds(7));
    const auto at = record.at(std::array{0.0, 0.5, 1.0});
    const std::array expected{7.0, 7.0, 7.0};
    BOOST_TEST(at == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(too_many_values_are_thinned_evenly_and_the_extremes_stay)
{
    latency_record record(64);
    for (int i = 1; i <= 10'000; ++i)
        record.add(nanoseconds(i == 4322 ? 1'000'000 : i));
    BOOST_TEST(record.count() == 10'000u);
    BOOST_TEST(record.values().size() <= 64u);
    BOOST_TEST(record.values().size() >= 32u);
    const auto at = record.at(std::array{0.0, 0.25, 0.5, 0.9, 1.0});
    BOOST_TEST(at[0] == 1.0);
    BOOST_TEST(at[1] == 2500.0, boost::test_tools::tolerance(0.1));
    BOOST_TEST(at[2] == 5000.0, boost::test_tools::tolerance(0.1));
    BOOST_TEST(at[3] == 9000.0, boost::test_tools::tolerance(0.1));
    BOOST_TEST(at[4] == 1'000'000.0);
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_leaves_nothing_behind)
{
    latency_record record(2);
    for (int i = 0; i < 100; ++i)
        record.add(nanoseconds(5));
    record.forget();
    BOOST_TEST(record.count() == 0u);
    record.add(nanoseconds(9));
    record.add(nanoseconds(8));
    const auto at = record.at(std::array{0.0, 0.5, 1.0});
    const std::array expected{8.0, 8.0, 9.0};
    BOOST_TEST(at == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
