#include <coil/net/lookup.hpp>

#include "tests/support/host_names.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <netdb.h>

namespace {

using namespace coil;
using namespace coil::net;
using namespace coil::test;
using found = detailed_result<std::vector<address>>;

BOOST_AUTO_TEST_SUITE(lookup_test)

BOOST_AUTO_TEST_CASE(an_address_needs_no_asking)
{
    loop here;
    const auto body = [&]() -> task<> {
        const std::uint64_t turns = here.stats().turns;
        const found v4 = co_await lookup("10.1.2.3", 80);
        BOOST_TEST(v4->size() == 1U);
        BOOST_TEST(v4->front().to_string() == "10.1.2.3:80");
        const found v6 = co_await lookup("::1", 81, address_family::ipv6);
        BOOST_TEST(v6->front().to_string() == "[::1]:81");
        BOOST_TEST(here.stats().turns == turns);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(this_host_has_a_name)
{
    loop here;
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        const found all = co_await lookup("localhost", 8000);
        BOOST_REQUIRE(all.has_value());
        for (const address& each : *all)
            BOOST_TEST(each.port() == 8000);
        const found v4 = co_await lookup("localhost", 8000, address_family::ipv4);
        BOOST_REQUIRE(v4.has_value());
        for (const address& each : *v4)
            BOOST_TEST(each.to_string() == "127.0.0.1:8000");
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_unknown_host_is_an_error)
{
    loop here;
    const auto body = [&]() -> task<> {
        for (const std::string& name :
             {std::string(""), std::string("no such host"), std::string("localhost\0.example", 18)}) {
            const found none = co_await lookup(name, 1);
            BOOST_TEST(none.error() == make_error_code(errc::host_not_found));
        }
        const found other = co_await lookup("1.2.3.4", 1, address_family::ipv6);
        BOOST_TEST(other.error() == make_error_code(errc::host_not_found));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_failure_names_the_host)
{
    const host_name unknown("nosuch.test", EAI_NONAME);
    const host_name busy("busy.test", EAI_AGAIN);
    loop here;
    const auto body = [&]() -> task<> {
        const found none = co_await lookup("nosuch.test", 1);
        BOOST_TEST(none.info().message == "getaddrinfo ENOTFOUND nosuch.test");
        BOOST_TEST(none.info().syscall == "getaddrinfo");
        BOOST_TEST(none.info().hostname == "nosuch.test");
        const found later = co_await lookup("busy.test", 1);
        BOOST_TEST(later.info().message == "getaddrinfo EAI_AGAIN busy.test");
        const found other = co_await lookup("1.2.3.4", 1, address_family::ipv6);
        BOOST_TEST(other.info().message == "getaddrinfo ENOTFOUND 1.2.3.4");
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_failure_of_the_system_without_a_number_is_an_error_all_the_same,
                     *boost::unit_test::label("F-55"))
{
    const host_name nothing("nothing.test", EAI_SYSTEM, 0);
    const host_name something("something.test", EAI_SYSTEM, EMFILE);
    loop here;
    const auto body = [&]() -> task<> {
        const found none = co_await lookup("nothing.test", 1);
        BOOST_TEST(none.error() == make_error_code(errc::lookup_failed));
        const found files = co_await lookup("something.test", 1);
        BOOST_TEST(error_name(files.error()) == "EMFILE");
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(can_be_stopped_and_destroyed)
{
    loop here;
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        stop_source stop;
        stop.request_stop();
        scope stopped(stop.token());
        stopped.spawn([]() -> task<> {
            const found none = co_await lookup("localhost", 1);
            BOOST_TEST(none.error() == make_error_code(errc::canceled));
        });
        co_await stopped.join();
        std::optional<scope> destroyed;
        destroyed.emplace();
        for (int i = 0; i < 8; ++i)
            destroyed->spawn([]() -> task<> {
                const found never = co_await lookup("localhost", 1);
                BOOST_TEST(never.has_value());
            });
        const result<> slept = co_await sleep_for(std::chrono::nanoseconds(0));
        slept.value();
        destroyed.reset();
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
