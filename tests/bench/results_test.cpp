#include "bench/results.hpp"

#include <boost/test/unit_test.hpp>

using namespace bench;

namespace {

const bench::system in_memory{.name = "m", .description = "", .kind = system_kind::memory_floor, .serve = nullptr};
const bench::system plain{.name = "p", .description = "", .kind = system_kind::tcp_floor, .serve = nullptr};
const bench::system other_plain{.name = "q", .description = "", .kind = system_kind::tcp_floor, .serve = nullptr};
const bench::system server{.name = "s", .description = "", .kind = system_kind::server, .serve = nullptr};

cell made(const bench::system& of, std::initializer_list<double> costs)
{
    cell one;
    one.of = &of;
    for (const double cost : costs) {
        sample taken;
        taken.cost = cost;
        one.samples.push_back(taken);
    }
    return one;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(results_test)

BOOST_AUTO_TEST_CASE(the_floor_is_openssl_and_the_cheaper_plain_server)
{
    scenario_result row;
    row.cells = {made(in_memory, {1, 2, 9}), made(plain, {30}), made(other_plain, {20}), made(server, {44})};
    BOOST_TEST(row.floor().value() == 22.0);
    BOOST_TEST(row.ratio(row.cells.back()).value() == 2.0);
}

BOOST_AUTO_TEST_CASE(one_plain_server_is_enough_for_a_floor)
{
    scenario_result row;
    row.cells = {made(in_memory, {2}), made(plain, {}), made(other_plain, {20}), made(server, {44})};
    BOOST_TEST(row.floor().value() == 22.0);
}

BOOST_AUTO_TEST_CASE(memory_has_no_plain_server_in_its_floor)
{
    scenario_result row;
    row.cells = {made(in_memory, {2}), made(server, {3})};
    BOOST_TEST(row.floor().value() == 2.0);
}

BOOST_AUTO_TEST_CASE(there_is_no_floor_where_a_part_of_it_is_missing)
{
    scenario_result row;
    row.cells = {made(in_memory, {2}), made(plain, {}), made(server, {44})};
    BOOST_TEST(!row.floor());
    BOOST_TEST(!row.ratio(row.cells.back()));
    row.cells = {made(in_memory, {}), made(plain, {20}), made(server, {44})};
    BOOST_TEST(!row.floor());
    row.cells = {made(server, {44})};
    BOOST_TEST(!row.floor());
}

BOOST_AUTO_TEST_CASE(a_run_whose_processes_were_not_pinned_is_not_complete)
{
    results all;
    all.where.server = 0;
    BOOST_TEST(all.complete());
    all.where.server = -1;
    BOOST_TEST(!all.complete());
}

BOOST_AUTO_TEST_SUITE_END()
