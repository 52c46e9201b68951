// The network on kernels that lack one thing: coil does the same with what is left.

#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

/// COIL_RING_WITHOUT, for as long as it exists.
class ring_without {
public:
    explicit ring_without(const std::string& names)
    {
        if (const char* const before = std::getenv(variable))
            before_ = before;
        ::setenv(variable, names.c_str(), 1);
    }
    ring_without(const ring_without&) = delete;
    ring_without& operator=(const ring_without&) = delete;
    ~ring_without()
    {
        if (before_)
            ::setenv(variable, before_->c_str(), 1);
        else
            ::unsetenv(variable);
    }

private:
    static constexpr const char* variable = "COIL_RING_WITHOUT";

    std::optional<std::string> before_;
};

struct lacking {
    const char* name;
    bool internal::capabilities::* capability;
    const char* lost_too = "";  // what cannot be had without it
};

constexpr std::array all_lacking{
    lacking{"single_issuer", &internal::capabilities::single_issuer, "defer_taskrun"},
    lacking{"defer_taskrun", &internal::capabilities::defer_taskrun},
    lacking{"coop_taskrun", &internal::capabilities::coop_taskrun},
    lacking{"submit_all", &internal::capabilities::submit_all},
    lacking{"provided_buffers", &internal::capabilities::provided_buffers},
    lacking{"multishot_accept", &internal::capabilities::multishot_accept},
    lacking{"multishot_receive", &internal::capabilities::multishot_receive, "provided_buffers"},
    lacking{"messages", &internal::capabilities::messages},
    lacking{"quiet_sends", &internal::capabilities::quiet_sends},
};

std::ostream& operator<<(std::ostream& out, const lacking& what)
{
    return out << what.name;
}

task<> echo_and_count(net::socket accepted, std::size_t& bytes)
{
    std::vector<std::byte> buffer(8192);
    while (true) {
        const result<std::size_t> count = co_await accepted.read(buffer);
        if (!count)
            co_return;
        bytes += *count;
        const result<std::size_t> written = co_await accepted.write(std::span(buffer).first(*count));
        BOOST_TEST(written.has_value());
    }
}

/// Several clients send small and large messages, one loop is called from another thread, one receive is cancelled.
task<> use_everything()
{
    const process_counts before = process_counts::now();
    {
        std::size_t bytes = 0;
        net::server server =
            net::create_server({}, [&](net::socket accepted) { return echo_and_count(std::move(accepted), bytes); });
        server.listen({.host = "127.0.0.1"}).value();
        scope clients;
        constexpr std::size_t count = 10;
        constexpr std::size_t size = 300'000;
        for (std::size_t i = 0; i < count; ++i)
            clients.spawn([&, i]() -> task<> {
                net::socket client = net::connect({.host = "127.0.0.1", .port = server.address()->port()});
                const result<> connected = co_await client.connect();
                connected.value();
                std::array<std::byte, 8> buffer{};
                const result<std::size_t> none = co_await with_timeout(2ms, client.read(buffer));
                BOOST_TEST(none.error() == make_error_code(errc::timed_out));
                scope both;
                both.spawn(write_pattern(client, size, 10'000, i));
                std::uint64_t offset = 0;
                std::vector<std::byte> received(5000);
                while (offset < size) {
                    const result<std::size_t> got = co_await client.read(received);
                    BOOST_REQUIRE(got.has_value());
                    BOOST_TEST(byte_pattern::matches(std::span(received).first(*got), offset, i));
                    offset += *got;
                }
                co_await both.join();
            });
        co_await clients.join();
        BOOST_TEST(bytes == count * size);

        stop_source called;
        const std::jthread caller([&called, home = loop::current().handle()] {
            std::this_thread::sleep_for(5ms);
            home.post([&called] { called.request_stop(); });
        });
        co_await internal::use_stop_token(called.token());
        const result<> slept = co_await sleep_for(20s);
        BOOST_TEST(slept.error() == make_error_code(errc::canceled));
        server.close().value();
        co_await internal::use_stop_token(stop_token());
        static_cast<void>(co_await server.closed());
    }
    co_await counts_return_to(before);
}

BOOST_AUTO_TEST_SUITE(fallback_test)

BOOST_DATA_TEST_CASE(without_one_capability_all_works, boost::unit_test::data::make(all_lacking))
{
    const ring_without nothing("");
    const internal::capabilities whole = loop().capabilities();
    const ring_without one(sample.name);
    loop here;
    const bool still_there = here.capabilities().*sample.capability;
    BOOST_TEST(!still_there);
    for (const lacking& other : all_lacking) {
        const bool touched = other.name == std::string(sample.name) || other.name == std::string(sample.lost_too);
        const bool as_before = here.capabilities().*other.capability == whole.*other.capability;
        BOOST_TEST((touched || as_before), other.name);
    }
    here.run(use_everything());
    BOOST_TEST(here.stats().lost_completions == 0U);
}

BOOST_AUTO_TEST_CASE(without_any_capability_all_works)
{
    std::string names;
    for (const lacking& each : all_lacking)
        names += std::string(each.name) + ",";
    const ring_without all(names);
    loop here;
    for (const lacking& each : all_lacking) {
        const bool still_there = here.capabilities().*each.capability;
        BOOST_TEST(!still_there, each.name);
    }
    here.run(use_everything());
}

BOOST_AUTO_TEST_CASE(an_unknown_capability_is_refused)
{
    const ring_without wrong("multishot_receive,telepathy");
    BOOST_CHECK_EXCEPTION(loop(), std::system_error, [](const std::system_error& error) {
        return std::string(error.what()).find("\"telepathy\"") != std::string::npos;
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
